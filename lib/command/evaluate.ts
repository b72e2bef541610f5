import { type Command, Option } from 'commander'
import { createProtocol, type ProtocolKind, protocolKinds } from '../evaluation/protocols/index.js'
import type { Protocol } from '../evaluation/protocols/protocol.js'
import { learningImages } from '../evaluation/runs/learning-images.js'
import { titleOf } from '../evaluation/runs/method.js'
import { executePlan, type RunPlan } from '../evaluation/runs/plan.js'
import type { RunResult } from '../evaluation/runs/record.js'
import { resultPath } from '../evaluation/runs/result-file.js'
import { loadModel, loadStatistics, openDataset } from '../index.js'
import { addEvaluateMerge } from './evaluate-merge.js'
import {
  addDataOptions,
  addProtocolOptions,
  type DataOptions,
  type ProtocolOptions,
  paperSamples,
  partFromEnvironment,
  protocolSettings,
} from './evaluation-options.js'
import { printResult } from './evaluation-result.js'
import { IncompleteError, InterruptedError } from './exit.js'
import { Interrupts } from './interrupt.js'
import { addMethodOptions, chosenMethod, type MethodFlags } from './method.js'
import { chosenStatistics, withLearnt } from './needs.js'
import {
  addGeneralOptions,
  addModelOptions,
  addPreprocessingOptions,
  type ModelOptions,
  type PreprocessingOptions,
  requireGiven,
  requireLayer,
  requireModelOptions,
  wholeNumber,
} from './options.js'
import { count, note, shellWord } from './output.js'
import { images, startProgress } from './progress.js'

export interface EvaluateOptions
  extends ModelOptions,
    PreprocessingOptions,
    MethodFlags,
    DataOptions,
    ProtocolOptions {
  explain: 'label' | 'predicted'
  rows?: number
  out: string
  resume?: boolean
  json?: boolean
  quiet?: boolean
}

const summaries: Record<ProtocolKind, string> = {
  degradation: 'degrade images tile by tile, most and least relevant first (the paper, section 4.2)',
  'bounding-boxes': 'how much of the map lies on the object (the paper, section 4.3)',
  'sensitivity-n': 'whether the map tells what masked tiles do to the logit (Ancona et al. 2018)',
  sanity: 'how alike the maps stay as the network loses what it learnt (Adebayo et al. 2018)',
  'insertion-deletion': 'insert and delete pixels, most relevant first (Petsiuk et al. 2018)',
  'pointing-game': "whether the map's highest pixel lies on the object (Zhang et al. 2016)",
  infidelity: 'what noise does to the logit, against what the map says (Yeh et al. 2019)',
  'max-sensitivity': 'how far the map moves as the image is moved a little (Yeh et al. 2019)',
}

const examples = (kind: ProtocolKind) => `
Examples:
  iba evaluate ${kind} --model demo --method per-sample --data demo

  iba evaluate ${kind} --model resnet50 --method grad-cam --data imagenet --samples 1000 --out results

  Go on after an interruption:
    iba evaluate ${kind} --model resnet50 --method grad-cam --data imagenet --samples 1000 --out results --resume`

/** Adds `iba evaluate`. */
export function addEvaluate(program: Command): void {
  const evaluate = program
    .command('evaluate')
    .summary('measure how good the maps of a method are')
    .description(
      "Measures how good the maps of a method are on labelled images, with the paper's protocols and others. A run " +
        'writes one JSON file with every setting, the value of every image, and the score with its 95 % interval. The ' +
        'variables RANK and WORLD_SIZE split the images over processes.',
    )
    .helpOption('-h, --help', 'show this help')
  for (const kind of protocolKinds) {
    const command = evaluate
      .command(kind)
      .summary(summaries[kind])
      .description(`${createProtocol(kind).title}: ${summaries[kind]}.`)
    addModelOptions(command)
    addMethodOptions(command)
    addDataOptions(command)
    command
      .option('--samples <number>', 'how many images to draw at most', wholeNumber(1), paperSamples[kind])
      .option('--seed <number>', "draws the images and seeds each image's noise", wholeNumber(0), 0)
      .addOption(
        new Option('--explain <class>', "the image's label, or the predicted class")
          .choices(['label', 'predicted'])
          .default('label'),
      )
    addProtocolOptions(command, kind)
    command
      .option(
        '--rows <number>',
        'changed images that go through the network together',
        wholeNumber(1, 65_536),
      )
      .optionsGroup('Results:')
      .option('--out <folder>', 'where the result goes', 'results')
      .option('--resume', 'go on with an interrupted run; leave a finished one')
      .option('--json', 'print the result without its records as JSON')
    addPreprocessingOptions(command)
    addGeneralOptions(command)
    command
      .addHelpText('after', examples(kind))
      .action((options: EvaluateOptions) => evaluateBy(kind, options))
  }
  addEvaluateMerge(evaluate)
}

async function evaluateBy(kind: ProtocolKind, options: EvaluateOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  requireGiven('--data', options.data, 'Give a folder of labelled images, or --data demo.')
  const { method: description, settings: given } = chosenMethod(options)
  const statisticsFile = chosenStatistics(description, options)
  const settings = withLearnt(description, given, options)
  const part = partFromEnvironment()
  const protocol = createProtocol(kind, protocolSettings(options))

  await using model = await openEvaluated(options)
  requireLayer(model, typeof settings.layer === 'string' ? settings.layer : undefined)
  const { labels, classFile, boxes, seed } = options
  const dataset = await openDataset(options.data, { classes: model.classes, labels, classFile, boxes })
  await using statistics = statisticsFile === undefined ? null : await loadStatistics(statisticsFile)
  const plan: RunPlan = {
    protocol,
    method: { description, title: titleOf(description.name, settings), options: settings },
    modelName: options.model,
    dataset,
    samples: options.samples ?? paperSamples[kind],
    seed,
    explained: options.explain,
    part,
  }
  const result = await runPlan(plan, options, {
    model,
    statistics,
    learning: learningImages(dataset),
    signal: interrupts.signal,
  })
  printResult(result, resultPath(options.out, result), options.json ?? false)
  if (result.failures.length > 0)
    throw new IncompleteError(`${count(result.failures.length, 'image')} could not be read and took no part.`)
}

/** Loads the model; where the images are to stay unnormalised, with settings that leave them so. */
async function openEvaluated(options: EvaluateOptions) {
  const { model, weights, device, resize, crop, cropFirst, unnormalised } = options
  return await loadModel(model, {
    device,
    ...(weights !== undefined && { weights }),
    preprocessing: {
      ...(resize !== undefined && { resize }),
      ...(crop !== undefined && { crop }),
      ...(cropFirst !== undefined && { cropFirst }),
      ...(unnormalised && { mean: [0, 0, 0], std: [1, 1, 1] }),
    },
  })
}

type Prepared = Pick<Parameters<typeof executePlan>[2], 'statistics' | 'learning' | 'signal'> & {
  model: Parameters<typeof executePlan>[1]
}

async function runPlan(plan: RunPlan, options: EvaluateOptions, prepared: Prepared): Promise<RunResult> {
  const { model, statistics, learning, signal } = prepared
  const progress = startProgress(images, { quiet: options.quiet ?? false })
  let [done, total] = [0, 0]
  try {
    return await executePlan(plan, model, {
      folder: options.out,
      resume: options.resume ?? false,
      statistics,
      learning,
      rows: options.rows,
      signal,
      onProgress: (newDone, newTotal) => {
        ;[done, total] = [newDone, newTotal]
        progress.update(done, total)
      },
      onFailure: error => progress.pause(() => note(`iba: ${error.message}`)),
    })
  } catch (error) {
    if (!signal.aborted) throw error
    throw new InterruptedError(interrupted(plan.protocol, done, total))
  } finally {
    progress.stop()
  }
}

function interrupted(protocol: Protocol, done: number, total: number): string {
  const words = process.argv.slice(2).filter(word => word !== '--resume')
  return (
    `Interrupted: ${protocol.title}, ${Math.floor(done)} of ${total} done. To go on:\n` +
    `  ${['iba', ...words, '--resume'].map(shellWord).join(' ')}`
  )
}
