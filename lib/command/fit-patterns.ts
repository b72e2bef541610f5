import { type Command, Option } from 'commander'
import { count } from '../foundation/text.js'
import { fitPatterns, loadPatterns, type Patterns } from '../index.js'
import { patternEstimators } from '../learned/patterns.js'
import { modelLabel } from '../model/model-file.js'
import type { PatternEstimator } from '../native/patterns-calls.js'
import {
  addGeneralOptions,
  addJsonOption,
  addModelOptions,
  addPreprocessingOptions,
  type ModelOptions,
  openModel,
  type PreprocessingOptions,
  requireGiven,
  requireModelOptions,
} from './common-options.js'
import { UsageError } from './exit.js'
import { Interrupts } from './interrupt.js'
import { addLearningOptions, type LearningFlags, learnWithProgress, openSource } from './learning-flags.js'
import { duration } from './output.js'
import { tellResult, writeOut } from './standard-streams.js'
import { requireSafetensorsOut } from './writable.js'

interface FitPatternsCommandOptions extends ModelOptions, PreprocessingOptions, LearningFlags {
  estimator: PatternEstimator
  merge?: string[]
  out?: string
  json?: boolean
}

const examples = `
Examples:
  iba fit-patterns --model vgg16 --images imagenet/train --out vgg16-patterns.safetensors
  iba attribute cat.jpg --model vgg16 --method pattern-attribution --patterns vgg16-patterns.safetensors

  Patterns of two sets of images together:
    iba fit-patterns --merge first.safetensors second.safetensors --out both.safetensors`

/** Adds `iba fit-patterns`. */
export function addFitPatterns(program: Command): void {
  const command = program
    .command('fit-patterns')
    .summary('fit the patterns that patternnet and pattern-attribution need')
    .description(
      'Runs images through a network and finds, for every neuron, the direction in the data that it detects ' +
        '(Kindermans et al. 2018). Take images like those to explain. Or merges files of patterns of one network.',
    )
  addModelOptions(command)
  addLearningOptions(command.optionsGroup('Patterns:'), 1)
    .option('-o, --out <file>', 'the .safetensors file to write (default: MODEL-patterns.safetensors)')
    .addOption(
      new Option(
        '--estimator <name>',
        'how patterns are found (docs/methods.md says which suits which network)',
      )
        .choices(patternEstimators)
        .default('two-component'),
    )
    .option('--merge <files...>', 'in place of --model and --images: files of patterns that are put together')
  addPreprocessingOptions(command)
  addGeneralOptions(command)
  addJsonOption(command).addHelpText('after', examples).action(runFitPatterns)
}

async function runFitPatterns(options: FitPatternsCommandOptions): Promise<void> {
  await requireSafetensorsOut(options.out)
  if (options.merge !== undefined) await mergeFiles(options.merge, options)
  else await fitOnImages(options)
}

async function fitOnImages(options: FitPatternsCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  requireGiven('--images', options.images, 'Give a folder of images like those to explain.')
  const source = await openSource(options)
  await using model = await openModel({ ...options, signal: interrupts.signal })
  const out = options.out ?? `${modelLabel(options.model)}-patterns.safetensors`
  await requireSafetensorsOut(out)
  const started = performance.now()
  await using patterns = await learnWithProgress(source, options, interrupts.signal, learning =>
    fitPatterns(model, { ...learning, estimator: options.estimator }),
  )
  await save(patterns, { ...options, out }, (performance.now() - started) / 1000)
}

async function mergeFiles(
  files: readonly string[],
  { model, images, out, json }: FitPatternsCommandOptions,
): Promise<void> {
  if (model !== undefined || images !== undefined)
    throw new UsageError('--merge takes files of patterns alone. Leave out --model and --images.')
  if (files.length < 2) throw new UsageError('--merge needs at least two files of patterns.')
  requireGiven('--out', out, 'Give the .safetensors file to write.')
  let merged = await loadPatterns(files[0]!)
  for (const file of files.slice(1)) {
    await using before = merged
    await using next = await loadPatterns(file)
    merged = before.merge(next)
  }
  await using patterns = merged
  await save(patterns, { out: out!, json })
}

async function save(
  patterns: Patterns,
  { out, json = false }: { out: string; json?: boolean | undefined },
  seconds?: number,
): Promise<void> {
  await writeOut(out, '.safetensors', file => patterns.save(file))
  const time = seconds === undefined ? '' : `, ${duration(seconds)}`
  const value = { file: out, ...patterns.description, ...(seconds !== undefined && { seconds }) }
  tellResult({ out, json }, `${out}: ${describe(patterns)}${time}`, value)
}

function describe(patterns: Patterns): string {
  const { model, layers, samples } = patterns.description
  return `patterns of ${model}, ${count(layers.length, 'layer')}, ${count(samples, 'image')}`
}
