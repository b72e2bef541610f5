import { type Command, Option } from 'commander'
import { count } from '../foundation/text.js'
import { estimate, type Preset, presets, type Statistics } from '../index.js'
import { modelLabel } from '../model/model-file.js'
import { chosenTexts, requireInputs } from './chosen-texts.js'
import {
  addGeneralOptions,
  addJsonOption,
  addModelOptions,
  addPreprocessingOptions,
  type ModelOptions,
  nameList,
  openModel,
  type PreprocessingOptions,
  requireGiven,
  requireModelOptions,
} from './common-options.js'
import { UsageError } from './exit.js'
import { Interrupts } from './interrupt.js'
import {
  addLearningOptions,
  type LearningFlags,
  learnWithProgress,
  openSource,
  textSource,
} from './learning-flags.js'
import { duration } from './output.js'
import { tellResult, writeOut } from './standard-streams.js'
import { requireSafetensorsOut } from './writable.js'

interface EstimateCommandOptions extends ModelOptions, PreprocessingOptions, Omit<LearningFlags, 'images'> {
  images?: string
  tokens?: string
  layers?: string[]
  preset: Preset
  out?: string
  json?: boolean
}

const examples = `
Examples:
  iba estimate --model resnet50 --images imagenet/train --out resnet50-layer2.safetensors

  Several layers in one pass over the images:
    iba estimate --model vgg16 --weights vgg16.pth --layers features.11,features.17,features.24 \\
      --images imagenet/train --out vgg16.safetensors

  Of a model of texts, from their token ids:
    iba estimate --model text.pt2 --output-kind embedding --tokens ids.json --out text.safetensors`

/** Adds `iba estimate`. */
export function addEstimate(program: Command): void {
  const command = program
    .command('estimate')
    .summary('learn the statistics of layers, which `iba attribute` needs')
    .description(
      'Runs images through a network and learns mean and standard deviation of every neuron of some layers. The noise of the ' +
        'bottleneck is made of them. Take images like those to explain; 10,000 are best. A model of texts takes token ids in their place.',
    )
  addModelOptions(command)
  command
    .optionsGroup('Statistics:')
    .option(
      '--layer, --layers <names>',
      'with commas between them (`iba layers` lists them; default: the place of the bottleneck in the paper)',
      nameList,
    )
    .addOption(
      new Option('--preset <name>', "conventions of the authors' library or of the paper's code")
        .choices(presets)
        .default('iba'),
    )
    .option('-o, --out <file>', 'the .safetensors file to write (default: MODEL-LAYERS.safetensors)')
  addLearningOptions(command, 2)
  command.option(
    '--tokens <ids>',
    'in place of --images, for a model of texts: a JSON file with a list of token ids for each text, all of one length',
  )
  addPreprocessingOptions(command)
  addGeneralOptions(command)
  addJsonOption(command).addHelpText('after', examples).action(runEstimate)
}

async function runEstimate(options: EstimateCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  const remedy =
    'Give a folder of images like those to explain, or, for a model of texts, token ids with --tokens.'
  requireGiven('--images', options.images ?? options.tokens, remedy)
  if (options.images !== undefined && options.tokens !== undefined)
    throw new UsageError('Expected --images or --tokens, but received both. Leave one out.')
  await requireSafetensorsOut(options.out)
  const texts = await chosenTexts(options.tokens, undefined)
  const { images } = options
  const source = images === undefined ? textSource(texts, options) : await openSource({ ...options, images })
  await using model = await openModel({ ...options, signal: interrupts.signal })
  requireInputs(model, texts)
  const layers = options.layers ?? [model.bottleneckLayer]
  const out = options.out ?? `${modelLabel(options.model)}-${layers.join('+')}.safetensors`
  await requireSafetensorsOut(out)

  const started = performance.now()
  await using statistics = await learnWithProgress(
    source,
    options,
    interrupts.signal,
    (learning, onWarning) => estimate(model, { ...learning, layers, preset: options.preset, onWarning }),
  )
  await writeOut(out, '.safetensors', file => statistics.save(file))
  const seconds = (performance.now() - started) / 1000
  const value = { file: out, ...statistics.description, seconds }
  tellResult({ ...options, out }, `${out}: ${describe(statistics, source.noun)}, ${duration(seconds)}`, value)
}

function describe(statistics: Statistics, noun: string): string {
  const { layers, preset } = statistics.description
  const names = layers.map(({ name, shape }) => `${name} (${shape.join('×')})`).join(', ')
  return `${names}, ${count(layers[0]?.samples ?? 0, noun)}, preset ${preset}`
}
