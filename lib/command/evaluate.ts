import { basename } from 'node:path'
import { type Command, Option } from 'commander'
import { protocols } from '../evaluation/protocols/all.js'
import type { Protocol, ProtocolDeclaration } from '../evaluation/protocols/protocol.js'
import { requireComparable } from '../evaluation/protocols/random-labels.js'
import { learningImages, takenOf, titleOf } from '../evaluation/runs/evaluated-method.js'
import { executePlan, type RunPlan } from '../evaluation/runs/plan.js'
import type { RunResult } from '../evaluation/runs/record.js'
import { resultPath } from '../evaluation/runs/result-file.js'
import { rankFrom } from '../foundation/environment.js'
import { count } from '../foundation/text.js'
import { loadStatistics, type Model, openDataset } from '../index.js'
import { isModelFile } from '../model/model-file.js'
import { addMethodOptions, chosenMethod, type MethodFlags } from './chosen-method.js'
import type { ResourceFlags } from './chosen-resources.js'
import {
  addGeneralOptions,
  addModelOptions,
  addPreprocessingOptions,
  type ModelOptions,
  openModel,
  type PreprocessingOptions,
  requireGiven,
  requireLayer,
  requireModelOptions,
  wholeNumber,
} from './common-options.js'
import { addEvaluateMerge } from './evaluate-merge.js'
import { addDataOptions, type DataOptions, dataSettings } from './evaluation-options.js'
import { printResult } from './evaluation-result.js'
import { IncompleteError, InterruptedError, UsageError } from './exit.js'
import { Interrupts } from './interrupt.js'
import { requireLearning, statisticsFromFolder, statisticsImagesOption } from './learnt-statistics.js'
import { addOptionFlags, givenOptions } from './option-flags.js'
import { note, shellWord } from './output.js'
import { images, startProgress } from './progress.js'
import { requireWritableFolder } from './writable.js'

export interface EvaluateOptions extends ModelOptions, PreprocessingOptions, MethodFlags, DataOptions {
  images?: string
  samples: number
  /** Of the bounding boxes. */
  unnormalised?: boolean
  explain: 'label' | 'predicted'
  /** Of the test with random labels. */
  randomLabels?: string
  rows?: number
  out: string
  resume?: boolean
  json?: boolean
  quiet?: boolean
}

const examples = (kind: string, more: string) => `
Examples:
  iba evaluate ${kind} --model demo --method per-sample --data demo${more}

  iba evaluate ${kind} --model resnet50 --method grad-cam --data imagenet${more} --samples 1000 --out results

  Go on after an interruption:
    iba evaluate ${kind} --model resnet50 --method grad-cam --data imagenet${more} --samples 1000 --out results --resume`

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
  for (const protocol of protocols) {
    const { kind, title, summary, source, samples } = protocol
    const command = evaluate
      .command(kind)
      .summary(`${summary} (${source})`)
      .description(`${title}: ${summary} (${source}).`)
    addModelOptions(command)
    addMethodOptions(command)
    command.optionsGroup('Method:').addOption(statisticsImagesOption())
    addDataOptions(command)
    command
      .option('--samples <number>', 'how many images to draw at most', wholeNumber(1), samples)
      .option('--seed <number>', "draws the images and seeds each image's noise", wholeNumber(0), 0)
      .addOption(
        new Option('--explain <class>', "the image's label, or the predicted class")
          .choices(['label', 'predicted'])
          .default('label'),
      )
    addOptionFlags(command.optionsGroup('Protocol:'), protocol.options)
    if (protocol.needsRandomLabels)
      command.option(
        '--random-labels <file>',
        'required: weights of the same architecture, or for a model file another one, from a training on permuted labels',
      )
    command
      .option(
        '--rows <number>',
        'changed images that go through the network together',
        wholeNumber(1, 65_536),
      )
      .optionsGroup('Results:')
      .option('-o, --out <folder>', 'where the result goes', 'results')
      .option('--resume', 'go on with an interrupted run; leave a finished one')
      .option('--json', 'print the result without its records as JSON')
    addPreprocessingOptions(command)
    addGeneralOptions(command)
    command
      .addHelpText(
        'after',
        examples(kind, protocol.needsRandomLabels ? ' --random-labels permuted.safetensors' : ''),
      )
      .action((options: EvaluateOptions) => evaluateBy(protocol, options))
  }
  addEvaluateMerge(evaluate)
}

async function evaluateBy(declaration: ProtocolDeclaration, options: EvaluateOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  requireGiven('--data', options.data, 'Give a folder of labelled images, or --data demo.')
  if (declaration.needsRandomLabels)
    requireGiven(
      '--random-labels',
      options.randomLabels,
      'Give the weights of a network that was trained on permuted labels.',
    )
  const chosen = chosenMethod(options)
  requireLearning([chosen], options)
  requireReliable(options)
  const { method: description, options: given, batch } = chosen
  const settings = { ...given, ...(batch !== undefined && { batch }) }
  const part = rankFrom(process.env)
  const protocol = declaration.create(givenOptions(declaration.options, { ...options }))

  const { signal } = interrupts
  await using model = await openModel(
    { ...options, signal },
    options.unnormalised ? { mean: [0, 0, 0], std: [1, 1, 1] } : {},
  )
  requireLayer(model, given.layer)
  await using randomLabels = await openRandomLabels(options, signal)
  if (randomLabels) requireComparable(model, randomLabels)
  const { samples, seed } = options
  const dataset = await openDataset(options.data, { classes: model.classes, ...dataSettings(options) })
  for (const text of dataset.notes) note(`iba: ${text}`)
  const learnt = await statisticsFromFolder(model, chosen, options, signal)
  const named = chosen.resources as ResourceFlags
  const taken = Object.fromEntries(takenOf(description, named).map(name => [name, basename(named[name]!)]))
  const files = learnt === undefined ? named : { ...named, statistics: learnt.path }
  await using statistics =
    learnt?.statistics ?? (files.statistics === undefined ? null : await loadStatistics(files.statistics))
  const plan: RunPlan = {
    protocol,
    method: {
      description,
      title: titleOf(description.name, { ...settings, ...taken }),
      options: settings,
      resources: { ...files, ...(statistics && { statistics }) },
      files,
    },
    modelName: options.model,
    ...(randomLabels && { randomLabels: { name: basename(options.randomLabels!), model: randomLabels } }),
    dataset,
    samples,
    seed,
    explained: options.explain,
    part,
  }
  await requireWritableFolder('--out', options.out)
  const result = await runPlan(plan, options, {
    model,
    learning: learningImages(dataset),
    signal,
  })
  printResult(result, resultPath(options.out, result), options.json ?? false)
  if (result.failures.length > 0)
    throw new IncompleteError(`${count(result.failures.length, 'image')} could not be read and took no part.`)
}

/** The network of `--random-labels`: other weights of the same architecture, or another model file. */
async function openRandomLabels(options: EvaluateOptions, signal: AbortSignal): Promise<Model | null> {
  const { model, randomLabels } = options
  if (randomLabels === undefined) return null
  const which = isModelFile(model) ? { model: randomLabels } : { weights: randomLabels }
  return await openModel({ ...options, ...which, signal })
}

/** Refuses statistics that no result should rest on. */
function requireReliable({ statistics }: EvaluateOptions): void {
  if (statistics !== 'auto') return
  throw new UsageError(
    '--statistics auto learns rough statistics from the images to explain, which would be those of the evaluation. ' +
      'Give --images FOLDER with typical images, or a file of `iba estimate`.',
  )
}

type Prepared = Pick<Parameters<typeof executePlan>[2], 'learning' | 'signal'> & {
  model: Parameters<typeof executePlan>[1]
}

async function runPlan(plan: RunPlan, options: EvaluateOptions, prepared: Prepared): Promise<RunResult> {
  const { model, learning, signal } = prepared
  const progress = startProgress(images, { quiet: options.quiet ?? false })
  let [done, total] = [0, 0]
  try {
    return await executePlan(plan, model, {
      folder: options.out,
      resume: options.resume ?? false,
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
    `Interrupted: ${protocol.fullTitle}, ${Math.floor(done)} of ${total} done. To go on:\n` +
    `  ${['iba', ...words, '--resume'].map(shellWord).join(' ')}`
  )
}
