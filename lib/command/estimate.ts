import { stat } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { type Command, Option } from 'commander'
import { openNpy } from '../images/npy.js'
import { estimate, imageFolder, type Model, type Preset, presets, type Statistics } from '../index.js'
import { modelLabel } from '../model-file.js'
import { InterruptedError, UsageError } from './exit.js'
import { Interrupts } from './interrupt.js'
import {
  addGeneralOptions,
  addModelOptions,
  addPreprocessingOptions,
  type ModelOptions,
  nameList,
  openModel,
  type PreprocessingOptions,
  requireGiven,
  requireModelOptions,
  wholeNumber,
} from './options.js'
import { count, duration, note, print } from './output.js'
import { images, startProgress } from './progress.js'

interface EstimateCommandOptions extends ModelOptions, PreprocessingOptions {
  layers?: string[]
  images: string
  samples: number
  preset: Preset
  seed: number
  batch: number
  out?: string
  quiet?: boolean
}

/** Where the images come from, and how many of them will be taken. */
interface Source {
  images: AsyncIterable<string> | string
  total: number
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
      'Runs images through a network and learns mean and deviation of every neuron of some layers. The noise of the ' +
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
    .option('--images <path>', 'required: a folder of images, or a .npy file of prepared images')
    .option('--samples <number>', 'how many images to take at most', wholeNumber(2), 10_000)
    .option('--seed <number>', 'draws which images of a folder are taken', wholeNumber(0), 0)
    .addOption(
      new Option('--preset <name>', "conventions of the authors' library or of the paper's code")
        .choices(presets)
        .default('iba'),
    )
    .option('--batch <number>', 'images that go through the network together', wholeNumber(1, 4096), 16)
    .option('--out <file>', 'the .safetensors file to write (default: MODEL-LAYERS.safetensors)')
  addPreprocessingOptions(command)
  addGeneralOptions(command)
  command.addHelpText('after', examples).action(runEstimate)
}

async function runEstimate(options: EstimateCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  requireGiven('--images', options.images, 'Give a folder of images like those to explain.')
  await requireWritable(options.out)
  const source = await openSource(options)
  await using model = await openModel(options)
  const layers = options.layers ?? [model.bottleneckLayer]
  const out = options.out ?? `${modelLabel(options.model)}-${layers.join('+')}.safetensors`

  const started = performance.now()
  await using statistics = await learn(model, layers, source, options, interrupts.signal)
  await statistics.save(out)
  print(`${out}: ${describe(statistics)}, ${duration((performance.now() - started) / 1000)}`)
}

async function learn(
  model: Model,
  layers: string[],
  { images: stream, total }: Source,
  options: EstimateCommandOptions,
  signal: AbortSignal,
): Promise<Statistics> {
  const progress = startProgress(images, { total, quiet: options.quiet ?? false })
  let taken = 0
  let failed = 0
  const warnings: string[] = []
  try {
    return await estimate(model, {
      images: stream,
      layers,
      samples: options.samples,
      preset: options.preset,
      batch: options.batch,
      signal,
      onProgress: ({ samples }) => {
        taken = samples
        progress.update(samples, total)
      },
      onError: error => {
        failed++
        progress.pause(() => note(`iba: ${error.message}`))
      },
      onWarning: message => warnings.push(message),
    })
  } catch (error) {
    if (!signal.aborted) throw error
    throw new InterruptedError(
      `Interrupted after ${taken} of ${count(total, 'image')}; nothing was written. Start again, or take fewer ` +
        'images with --samples.',
    )
  } finally {
    progress.stop()
    if (failed > 0)
      warnings.push(
        `${count(failed, 'image')} could not be read and ${failed === 1 ? 'was' : 'were'} left out.`,
      )
    for (const warning of warnings) note(`iba: ${warning}`)
  }
}

async function openSource({ images: path, samples, seed }: EstimateCommandOptions): Promise<Source> {
  if (extname(path).toLowerCase() === '.npy') {
    await using file = await openNpy(path)
    return { images: path, total: Math.min(samples, file.shape.length === 4 ? file.shape[0]! : 1) }
  }
  // Sorted by path, the first images of a data set are often all of one class.
  const folder = imageFolder(path, { shuffleSeed: seed })
  let total = 0
  for await (const _ of imageFolder(path, { limit: samples })) total++
  return { images: folder, total }
}

/** Found out before hours of work rather than after them. */
async function requireWritable(out: string | undefined): Promise<void> {
  if (out === undefined) return
  if (extname(out) !== '.safetensors') throw new UsageError(`--out '${out}' must end in .safetensors.`)
  const folder = await stat(dirname(out)).catch(() => undefined)
  if (!folder?.isDirectory()) throw new UsageError(`--out '${out}': there is no folder '${dirname(out)}'.`)
}

function describe(statistics: Statistics): string {
  const { layers, preset } = statistics.description
  const names = layers.map(({ name, shape }) => `${name} (${shape.join('×')})`).join(', ')
  return `${names}, ${count(layers[0]?.samples ?? 0, 'image')}, preset ${preset}`
}
