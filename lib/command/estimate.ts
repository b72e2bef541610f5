import { type Command, Option } from 'commander'
import { count } from '../foundation/text.js'
import { estimate, type Preset, presets, type Statistics } from '../index.js'
import { modelLabel } from '../model/model-file.js'
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
import { Interrupts } from './interrupt.js'
import { addLearningOptions, type LearningFlags, learnWithProgress, openSource } from './learning-flags.js'
import { duration } from './output.js'
import { tellResult, writeOut } from './standard-streams.js'
import { requireSafetensorsOut } from './writable.js'

interface EstimateCommandOptions extends ModelOptions, PreprocessingOptions, LearningFlags {
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
      --images imagenet/train --out vgg16.safetensors`

/** Adds `iba estimate`. */
export function addEstimate(program: Command): void {
  const command = program
    .command('estimate')
    .summary('learn the statistics of layers, which `iba attribute` needs')
    .description(
      'Runs images through a network and learns mean and standard deviation of every neuron of some layers. The noise of the ' +
        'bottleneck is made of them. Take images like those to explain; 10,000 are best.',
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
  addPreprocessingOptions(command)
  addGeneralOptions(command)
  addJsonOption(command).addHelpText('after', examples).action(runEstimate)
}

async function runEstimate(options: EstimateCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  requireGiven('--images', options.images, 'Give a folder of images like those to explain.')
  await requireSafetensorsOut(options.out)
  const source = await openSource(options)
  await using model = await openModel({ ...options, signal: interrupts.signal })
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
  tellResult({ ...options, out }, `${out}: ${describe(statistics)}, ${duration(seconds)}`, value)
}

function describe(statistics: Statistics): string {
  const { layers, preset } = statistics.description
  const names = layers.map(({ name, shape }) => `${name} (${shape.join('×')})`).join(', ')
  return `${names}, ${count(layers[0]?.samples ?? 0, 'image')}, preset ${preset}`
}
