import { existsSync } from 'node:fs'
import { type Command, InvalidArgumentError as InvalidOption, Option } from 'commander'
import { rangeText } from '../foundation/validate.js'
import { fitsInto, interpolations } from '../images/preprocess.js'
import { type ImageSize, requireSize, sizeText } from '../images/size.js'
import { liteSizes } from '../images/zoo-preprocessing.js'
import {
  configureRuntime,
  type Device,
  type Interpolation,
  type LoadOptions,
  loadModel,
  type Model,
  type OutputKind,
  type Precision,
  readClassNames,
} from '../index.js'
import { isModelFile } from '../model/model-file.js'
import { outputKinds } from '../model/output-kinds.js'
import { precisions } from '../model/precision.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/call.js'
import { InterruptedError, UsageError } from './exit.js'
import { note } from './output.js'

/** What the options that choose a network give. */
export interface ModelOptions {
  model: string
  weights?: string
  /** A file with the names of its classes. */
  classes?: string
  /** The name of the output to explain. */
  outputName?: string
  /** What the outputs are. */
  outputKind?: OutputKind
  device: Device
  precision: Precision
  tf32?: boolean
  cudnnBenchmark?: boolean
}

/** What the options for pre-processing give. */
export interface PreprocessingOptions {
  resize?: ImageSize
  crop?: ImageSize
  cropFirst?: boolean
  squash?: boolean
  interpolation?: Interpolation
  mean?: number[]
  std?: number[]
}

/** As the library has them; told in the help, and needed to check one option against the other. */
const defaultSizes = { resize: 256, crop: 224 }

/** `--model`, `--weights`, `--device`, `--precision`, `--tf32`, `--cudnn-benchmark`. */
export function addModelOptions(command: Command): Command {
  return command
    .optionsGroup('Network:')
    .option(
      '-m, --model <name>',
      "required: its architecture (`iba models` lists them), 'demo', a model file (.pt, .pt2, .onnx), or a folder of Hugging Face's",
    )
    .option(
      '-w, --weights <file>',
      "its weights (.safetensors, .pth), or 'seeded:N' for weights that have learnt nothing " +
        '(default: the file that `iba weights get` downloaded)',
    )
    .addOption(outputNameOption())
    .addOption(outputKindOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .option('--tf32', "products of float32 numbers in TF32, on NVIDIA's GPUs; less exact")
    .option('--cudnn-benchmark', 'try algorithms for convolutions first, on the same GPUs')
}

/** `--output-kind`. */
export function outputKindOption(): Option {
  return new Option(
    '--output-kind <kind>',
    "what the outputs are, where the file and its card don't tell (default: classes)",
  ).choices(outputKinds)
}

/** `--output-name`. */
export function outputNameOption(): Option {
  return new Option('--output-name <name>', 'the output to explain, of a model file that has several')
}

/** `--device`. */
export function deviceOption(): Option {
  return new Option('-d, --device <device>', 'auto, cpu, cuda or cuda:N; auto takes CUDA where it can run')
    .default('auto')
    .argParser(parseDevice)
}

/** `--precision`. */
export function precisionOption(): Option {
  return new Option(
    '--precision <type>',
    'what the network computes in; auto takes bfloat16 on GPUs and on processors with instructions for it',
  )
    .choices(precisions)
    .default('float32')
}

/** How pictures become inputs. */
export function addPreprocessingOptions(command: Command): Command {
  return command
    .optionsGroup('Pre-processing of image files (.npy files are taken as they are):')
    .option(
      '--resize <pixels>',
      'length of the shorter side, or HEIGHTxWIDTH that the picture has to cover ' +
        `(default: as the model takes them, else ${defaultSizes.resize})`,
      imageSize,
    )
    .option(
      '--crop <pixels>',
      `size of the centred square that is cut out, or HEIGHTxWIDTH (default: likewise ${defaultSizes.crop})`,
      imageSize,
    )
    .option('--crop-first', 'cut out --resize pixels first, then resize them to --crop')
    .option('--squash', 'resize to exactly --resize (default: --crop), whatever the proportion')
    .addOption(
      new Option(
        '--interpolation <name>',
        'how they are resized (default: as the model takes them, else bilinear)',
      ).choices(interpolations),
    )
    .option(
      '--mean <numbers>',
      'of each channel in [0, 1], with commas between (default: as the model takes them, else of ImageNet)',
      decimals,
    )
    .option('--std <numbers>', 'standard deviation of each channel likewise', decimals)
}

/** `--classes`. */
export function classesOption(): Option {
  return new Option(
    '--classes <file>',
    'names of the classes: one on each line, or JSON (default: those that come with the model)',
  )
}

/** Parses numbers that commas separate. */
function decimals(text: string): number[] {
  return text.split(',').map(part => decimal(-1e12)(part.trim()))
}

/** `--quiet` and `--help`, which stand last. */
export function addGeneralOptions(command: Command): Command {
  return command
    .optionsGroup('General:')
    .option('-q, --quiet', 'no progress; errors and results are still printed')
    .helpOption('-h, --help', 'show this help')
}

/** `--json` of commands that print one value, and `--help`. */
export function addJsonOption(command: Command): Command {
  return command.option('--json', 'print JSON, for programs').helpOption('-h, --help', 'show this help')
}

/** Parses a whole number of the range, strictly: '10abc', '1e3' and '' are refused. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return text => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value) && value >= minimum && value <= maximum) return value
    throw new InvalidOption(`Expected a whole number${rangeText(minimum, maximum)}.`)
  }
}

/** Parses the size of an image: one number for both sides, or HEIGHTxWIDTH. */
export function imageSize(text: string): ImageSize {
  const both = text.split(/[x×]/i)
  if (both.length > 2) throw new InvalidOption('Expected a number of pixels, or HEIGHTxWIDTH.')
  return requireSize('the size', both.length === 1 ? side(both[0]!) : both.map(side))
}

const side = wholeNumber(1, 65_536)

/** Parses a decimal number of the range, strictly. */
export function decimal(minimum: number, maximum = Infinity): (text: string) => number {
  return text => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
    if (Number.isFinite(value) && value >= minimum && value <= maximum) return value
    throw new InvalidOption(`Expected a number${rangeText(minimum, maximum)}.`)
  }
}

/** Parses a decimal number above 0, strictly. */
export function positive(text: string): number {
  const value = decimal(0)(text)
  if (value > 0) return value
  throw new InvalidOption('Expected a number above 0.')
}

/** Parses names that commas separate. */
export function nameList(text: string): string[] {
  const names = text.split(',').map(name => name.trim())
  if (names.every(name => name !== '')) return names
  throw new InvalidOption('Expected names with commas between them.')
}

/** Loads the network that the options choose, for images of its own normalisation or another.
 * @throws InterruptedError as soon as the signal aborts, besides what {@link loadModel} throws */
export async function openModel(
  options: ModelOptions & PreprocessingOptions & Pick<LoadOptions, 'memoryFormat' | 'signal'>,
  normalisation: Pick<NonNullable<LoadOptions['preprocessing']>, 'mean' | 'std'> = {},
): Promise<Model> {
  const { model, weights, classes, outputName, outputKind, device, precision, memoryFormat, signal } = options
  chooseArithmetic(options)
  const { resize, crop, cropFirst, squash, interpolation, mean, std } = options
  const opened = await loadedUnlessInterrupted(model, {
    device,
    precision,
    ...(weights !== undefined && { weights }),
    ...(classes !== undefined && { classes: await readClassNames(classes) }),
    ...(outputName !== undefined && { output: outputName }),
    ...(outputKind !== undefined && { outputKind }),
    ...(memoryFormat !== undefined && { memoryFormat }),
    ...(signal && { signal }),
    preprocessing: {
      ...(resize !== undefined && { resize }),
      ...(crop !== undefined && { crop }),
      ...(cropFirst !== undefined && { cropFirst }),
      ...(squash !== undefined && { squash }),
      ...(interpolation !== undefined && { interpolation }),
      ...(mean !== undefined && { mean }),
      ...(std !== undefined && { std }),
      ...normalisation,
    },
  })
  noteModel(opened)
  return opened
}

async function loadedUnlessInterrupted(name: string, options: LoadOptions): Promise<Model> {
  try {
    return await loadModel(name, options)
  } catch (error) {
    if (!options.signal?.aborted) throw error
    throw new InterruptedError('Interrupted before the model was loaded; nothing was written.')
  }
}

/** Does what `--tf32` and `--cudnn-benchmark` ask for. */
export function chooseArithmetic({
  tf32,
  cudnnBenchmark,
}: Pick<ModelOptions, 'tf32' | 'cudnnBenchmark'>): void {
  if (tf32 || cudnnBenchmark)
    configureRuntime({ tf32: tf32 ?? false, cudnnBenchmark: cudnnBenchmark ?? false })
}

/** Says on stderr what is worth knowing of a model. */
export function noteModel({ notes }: Model): void {
  for (const text of notes) note(`iba: ${text}`)
}

/** Refuses a layer that the model doesn't have, naming the nearest ones. */
export function requireLayer(model: Model, layer: unknown): void {
  if (typeof layer !== 'string' || model.layerNames.includes(layer)) return
  // It throws the message that names them.
  addon().dispose(
    callNativeSync(() => addon().createStatistics({ model: model.handle, layers: [layer], preset: 'iba' })),
  )
}

/** Refuses a missing model, and one that doesn't exist, naming the nearest ones. */
export function requireModel(name: string | undefined): void {
  requireGiven('--model', name, "Give the network's name (`iba models` lists them), --model demo, or a file.")
  if (name === undefined || name === 'demo') return
  if (!isModelFile(name)) callNativeSync(() => addon().checkArchitecture({ architecture: name }))
  else if (!existsSync(name)) throw new UsageError(`There is no model file '${name}'.`)
}

/** Refuses a missing option. Commander's own check would come before that for misspelt names, which is what the user
 * should hear of first. */
export function requireGiven(option: string, value: unknown, remedy: string): void {
  if (value === undefined) throw new UsageError(`${option} is missing. ${remedy}`)
}

/** Refuses what can be known to be wrong before anything is loaded. */
export function requireModelOptions(options: ModelOptions & PreprocessingOptions): void {
  requireModel(options.model)
  if (isModelFile(options.model) && options.weights !== undefined) {
    throw new UsageError('--weights: the model file holds its weights. Leave the option out.')
  }
  if (options.outputName !== undefined && !isModelFile(options.model)) {
    throw new UsageError('--output-name: the network has a single output. Leave the option out.')
  }
  requireFitting(options)
}

function requireFitting({
  model,
  resize,
  crop,
  cropFirst,
  squash,
}: ModelOptions & PreprocessingOptions): void {
  if (cropFirst && squash)
    throw new UsageError('--squash and --crop-first exclude each other. Leave one out.')
  // What isn't given may follow from the crop, or be in the card of a model file.
  const isOpen = squash || isModelFile(model) || (crop !== undefined && typeof crop !== 'number')
  if (isOpen && (resize === undefined || crop === undefined)) return
  const usual = liteSizes(model) ?? defaultSizes
  const sizes = { resize: resize ?? usual.resize, crop: crop ?? usual.crop }
  if (cropFirst || fitsInto(sizes.crop, sizes.resize)) return
  const remedy = crop === undefined ? 'Give a smaller --crop as well.' : 'Give a larger --resize.'
  const [outer, inner] = [sizeText(sizes.resize), sizeText(sizes.crop)]
  throw new UsageError(`--crop ${inner} doesn't fit into --resize ${outer}. ${remedy}`)
}

function parseDevice(text: string): string {
  if (/^(auto|cpu|cuda(:\d{1,3})?)$/.test(text)) return text
  throw new InvalidOption('Expected auto, cpu, cuda or cuda:N.')
}
