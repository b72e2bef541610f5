import { extname } from 'node:path'
import { type Command, Option } from 'commander'
import { count } from '../foundation/text.js'
import { type Device, loadStatistics, type Model } from '../index.js'
import { whyNoCuda } from '../model/device.js'
import type { TrainingData } from '../training/data.js'
import { dataReading, openTrainingData } from '../training/open-data.js'
import {
  defaultTimeout,
  joinProcesses,
  type Membership,
  membershipFrom,
  type ProcessGroup,
} from '../training/processes.js'
import { trainReadout } from '../training/readout-training.js'
import { describeTraining } from '../training/settings.js'
import {
  addGeneralOptions,
  addJsonOption,
  addModelOptions,
  addPreprocessingOptions,
  type ModelOptions,
  nameList,
  openModel,
  type PreprocessingOptions,
  positive,
  requireGiven,
  requireModelOptions,
  wholeNumber,
} from './common-options.js'
import { IncompleteError, InterruptedError } from './exit.js'
import { Interrupts } from './interrupt.js'
import { addOptionFlags, givenOptions } from './option-flags.js'
import { duration, note, shellWord } from './output.js'
import { tellResult } from './standard-streams.js'
import { type ReporterOptions, TrainingReporter } from './training-reporter.js'
import { requireSafetensors, requireWritableFile, requireWritableFolder } from './writable.js'

/** The options of `iba train-readout`. */
export interface TrainReadoutCommandOptions extends ModelOptions, PreprocessingOptions, ReporterOptions {
  memoryFormat: 'channels-last' | 'contiguous'
  data: string
  classFile?: string
  validation?: string
  statistics?: string
  layer?: string
  reads?: string[]
  resume?: boolean
  timeout: number
  out?: string
  json?: boolean
}

const training = describeTraining()

const examples = `
Examples:
  As in the paper, on ImageNet (layer statistics are estimated first):
    iba train-readout --model vgg16 --weights vgg16.pth --data imagenet/train --validation imagenet/val \\
      --out readout.safetensors --log training.jsonl

  Go on after an interruption:
    iba train-readout … --resume

  Four processes on one machine:
    torchrun --nproc-per-node 4 --no-python iba train-readout --model vgg16 --data imagenet/train --batch 4 \\
      --out readout.safetensors`

/** Adds `iba train-readout`. */
export function addTrainReadout(program: Command): void {
  const command = program
    .command('train-readout')
    .summary('train a network that makes maps in one pass')
    .description(
      'Trains the readout bottleneck of a network (Schulz et al. 2020, section 3.3) on labelled images. What it learns ' +
        'is used by `iba attribute --method readout`.',
    )
  addModelOptions(command)
  command.addOption(
    new Option('--memory-format <name>', 'of activations; channels-last is faster')
      .choices(['channels-last', 'contiguous'])
      .default('channels-last'),
  )
  addDataOptions(command)
  addTrainingOptions(command)
  addResultOptions(command)
  addPreprocessingOptions(command)
  addGeneralOptions(command)
  addJsonOption(command).addHelpText('after', examples).action(runTrainReadout)
}

function addDataOptions(command: Command): void {
  command
    .optionsGroup('Images:')
    .option(
      '--data <path>',
      'required: a folder with a folder for each class, a text file with lines `path class`, or tar archives of a ' +
        "WebDataset (a folder of them, or names such as 'train-{000..146}.tar')",
    )
    .option('--class-file <file>', 'a list of the classes in order (default: one of the usual names)')
    .option('--validation <path>', 'images to measure with after each epoch, in the same forms')
    .option(
      '--statistics <file>',
      'of all layers that are read, from `iba estimate` (default: estimated first)',
    )
  addOptionFlags(command, dataReading.options)
}

function addTrainingOptions(command: Command): void {
  command
    .optionsGroup('Readout and training:')
    .option('--layer <name>', "where the bottleneck goes, together with --reads (default: the paper's place)")
    .option('--reads <names>', 'the layers that are read, with commas between them', nameList)
  addOptionFlags(command, training.options)
  command.option('--timeout <seconds>', 'how long processes wait for each other', positive, defaultTimeout)
}

function addResultOptions(command: Command): void {
  command
    .optionsGroup('Results:')
    .option('-o, --out <file>', 'required: the .safetensors file to write')
    .option('--resume', 'go on from the checkpoint beside --out, if there is one')
    .option('--log <file>', 'a line of JSON for each interval and epoch; `iba plot` draws it')
    .option('--tensorboard <folder>', 'event files for TensorBoard')
    .option('--log-every <number>', 'steps of an interval', wholeNumber(1), 50)
}

async function runTrainReadout(options: TrainReadoutCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  requireGiven('--data', options.data, 'Give labelled images, such as imagenet/train.')
  requireGiven('--out', options.out, 'Give the file to write, such as readout.safetensors.')
  const out = options.out!
  requireSafetensors(out)
  const membership = membershipFrom(process.env)
  if ((membership?.rank ?? 0) === 0) await requireWritableResults(out, options)
  const device = membership ? ownDevice(options.device, membership) : options.device
  const { signal } = interrupts
  await using model = await openModel({ ...options, device, signal })
  const { classFile } = options
  const reading = {
    ...givenOptions(dataReading.options, { ...options }),
    classes: model.classes,
    ...(classFile !== undefined && { classFile }),
  }
  const data = await openTrainingData(options.data, reading)
  const validation = options.validation ? await openTrainingData(options.validation, reading) : undefined
  for (const text of new Set([data, validation].flatMap(opened => opened?.notes ?? []))) note(`iba: ${text}`)
  const reporter = new TrainingReporter(options, membership?.rank ?? 0)
  let processes: ProcessGroup | undefined
  try {
    if (membership) {
      processes = await joinProcesses(membership, { timeout: options.timeout, device, signal })
      if (processes.rank === 0 && processes.note !== undefined) note(`iba: ${processes.note}`)
    }
    await train(model, data, { options, out, validation, processes, reporter, signal })
  } catch (error) {
    if (!interrupts.signal.aborted) throw error
    throw new InterruptedError(reporter.describeInterruption(resumeCommand()))
  } finally {
    processes?.leave()
    await reporter.close()
  }
  if (reporter.broken > 0)
    throw new IncompleteError(`${count(reporter.broken, 'image')} could not be read, as named above.`)
}

async function requireWritableResults(
  out: string,
  { log, tensorboard }: TrainReadoutCommandOptions,
): Promise<void> {
  await requireWritableFile('--out', out)
  if (log !== undefined) await requireWritableFile('--log', log)
  if (tensorboard !== undefined) await requireWritableFolder('--tensorboard', tensorboard)
}

/** Of several processes on one machine, each takes a GPU of its own. */
function ownDevice(device: Device, { localRank }: Membership): Device {
  const takesGpu = device === 'cuda' || (device === 'auto' && whyNoCuda() === null)
  return takesGpu ? `cuda:${localRank}` : device
}

interface Run {
  options: TrainReadoutCommandOptions
  out: string
  validation: TrainingData | undefined
  processes: ProcessGroup | undefined
  reporter: TrainingReporter
  signal: AbortSignal
}

async function train(model: Model, data: TrainingData, run: Run): Promise<void> {
  const { options, out, validation, processes, reporter, signal } = run
  const { statistics: file, layer, reads, resume, json = false } = options
  await using statistics = file === undefined ? undefined : await loadStatistics(file, { model })
  const started = performance.now()
  await using readout = await trainReadout(model, {
    ...givenOptions(training.options, { ...options }),
    data,
    checkpoint: checkpointOf(out),
    resume: resume ?? false,
    signal,
    ...(validation && { validation }),
    ...(statistics && { statistics }),
    ...(layer !== undefined && { layer }),
    ...(reads !== undefined && { reads }),
    ...(processes && { processes }),
    ...reporter.callbacks(),
  })
  if (processes && processes.rank !== 0) return
  await readout.save(out)
  const seconds = (performance.now() - started) / 1000
  const value = { file: out, ...readout.description, seconds }
  reporter.finish(() => tellResult({ json }, `${out}: ${duration(seconds)}`, value))
}

/** Where training is kept: 'readout.safetensors' has 'readout.checkpoint.safetensors' beside it. */
export function checkpointOf(out: string): string {
  return `${out.slice(0, -extname(out).length)}.checkpoint.safetensors`
}

/** The command that was typed, so that it goes on. */
function resumeCommand(): string {
  const words = process.argv.slice(2)
  return ['iba', ...words, ...(words.includes('--resume') ? [] : ['--resume'])].map(shellWord).join(' ')
}
