import type { Command } from 'commander'
import { createProtocol, type ProtocolKind } from '../evaluation/protocols/index.js'
import type { RunResult } from '../evaluation/runs/record.js'
import { describeMethod } from '../index.js'
import type { LeftOut } from '../reproduction/cells.js'
import type { PlannedProtocol, ReproductionOptions } from '../reproduction/options.js'
import { findPaperMethod, type PaperMethod, paperMethods } from '../reproduction/paper.js'
import { estimateReproduction, type ReproductionReport, reproduce } from '../reproduction/run.js'
import {
  addDataOptions,
  type DataOptions,
  paperSamples,
  partFromEnvironment,
  sampleCounts,
} from './evaluation-options.js'
import { scoreText } from './evaluation-result.js'
import { IncompleteError, InterruptedError, UsageError } from './exit.js'
import { Interrupts } from './interrupt.js'
import {
  addGeneralOptions,
  addModelOptions,
  type ModelOptions,
  nameList,
  requireGiven,
  requireModel,
  wholeNumber,
} from './options.js'
import { count, duration, note, print, shellWord } from './output.js'
import { images, type Progress, startProgress } from './progress.js'

interface ReproduceOptions extends ModelOptions, Omit<DataOptions, 'samples'> {
  methods: string[]
  protocols: string[]
  samples: Partial<Record<ProtocolKind, number>>
  learn: number
  rows?: number
  out: string
  estimate?: boolean
  reportOnly?: boolean
  quiet?: boolean
}

const protocolNames = [
  'degradation-8',
  'degradation-14',
  'bounding-boxes',
  'sensitivity-n-8',
  'sensitivity-n-1',
  'sanity',
]

const examples = `
Examples:
  iba reproduce --model resnet50,vgg16 --methods paper --data imagenet --out results

  How long would fewer images take?
    iba reproduce --model resnet50 --data imagenet --samples degradation=1000,sensitivity-n=100 --estimate

  Go on after an interruption: the same command again.`

/** Adds `iba reproduce`. */
export function addReproduce(program: Command): void {
  const command = program
    .command('reproduce')
    .summary("the paper's whole table, and a report beside the published values")
    .description(
      "Runs the paper's evaluations for its methods and networks and writes report.html, table.md and table.csv. It " +
        'tells how long that will take before it starts; what is done is kept and not done again. Statistics and ' +
        'patterns are learnt where they are missing; a trained readout is taken from --out, as MODEL.readout.safetensors.',
    )
  addModelOptions(command)
  command
    .optionsGroup('What:')
    .option(
      '--methods <names>',
      "'paper', or some of the paper's names or of `iba methods`, with commas between them",
      nameList,
      ['paper'],
    )
    .option('--protocols <names>', 'with commas between them', nameList, protocolNames)
  addDataOptions(command)
  command
    .option(
      '--samples <counts>',
      'images at most, such as degradation=1000,sanity=20 (default: as the paper)',
      sampleCounts,
      {},
    )
    .option('--seed <number>', "draws the images and seeds each image's noise", wholeNumber(0), 0)
    .option('--learn <number>', 'images that statistics and patterns are learnt from', wholeNumber(2), 10_000)
    .option('--rows <number>', 'changed images that go through the network together', wholeNumber(1, 65_536))
    .optionsGroup('Results:')
    .option('--out <folder>', 'where everything goes', 'results')
    .option('--estimate', 'only tell how long it would take')
    .option('--report-only', 'only write the report, on what is there')
  addGeneralOptions(command)
  command.addHelpText('after', examples).action(runReproduce)
}

async function runReproduce(options: ReproduceOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireGiven('--model', options.model, 'Give networks with commas between them, or --model demo.')
  requireGiven('--data', options.data, 'Give a folder of labelled images, or --data demo.')
  if (partFromEnvironment().size > 1)
    throw new UsageError(
      '`iba reproduce` runs as one process. `iba evaluate` splits its images by RANK and WORLD_SIZE; its merged results ' +
        'are taken from --out.',
    )
  const wanted = reproductionOf(options, interrupts.signal)
  wanted.models.forEach(requireModel)
  const teller = new Teller(options.quiet ?? false)
  try {
    if (options.estimate) {
      await estimateReproduction(wanted, teller)
      return
    }
    const leftOut = options.reportOnly ? [] : await reproduce(wanted, teller)
    teller.stop()
    // Drawing libraries would double the time that every command takes to start.
    const { writeReport } = await import('../reproduction/write-report.js')
    const files = await writeReport(wanted, leftOut)
    print(`The report is in ${files.html}, the table in ${files.markdown} and ${files.csv}.`)
    requireComplete(leftOut, teller.failures)
  } catch (error) {
    if (!interrupts.signal.aborted) throw error
    throw new InterruptedError(
      `Interrupted; what was found is kept. To go on:\n  ${['iba', ...process.argv.slice(2)].map(shellWord).join(' ')}`,
    )
  } finally {
    teller.stop()
  }
}

function reproductionOf(options: ReproduceOptions, signal: AbortSignal): ReproductionOptions {
  const { model, weights, device, methods, protocols, samples, data, labels, classFile, boxes } = options
  const { seed, learn, rows, out } = options
  const models = nameList(model)
  if (weights !== undefined && !weights.startsWith('seeded:') && models.length > 1)
    throw new UsageError('--weights is of one network, but --model names several. Reproduce them one by one.')
  return {
    models,
    weights,
    device,
    methods: [...new Set(methods.flatMap(methodsOf))],
    protocols: protocols.map(name => plannedProtocol(name, samples)),
    data: { name: data, labels, classFile, boxes },
    ...{ seed, learn, rows, folder: out, signal },
  }
}

/** All of the paper's methods, one of them, or any other method with the settings of the paper's code. */
function methodsOf(name: string): readonly PaperMethod[] {
  if (name === 'paper') return paperMethods
  const found = findPaperMethod(name)
  if (found) return [found]
  const { options } = describeMethod(name)
  const hasPreset = options.some(option => option.name === 'preset')
  return [
    {
      scriptName: name,
      title: name,
      method: name,
      options: hasPreset ? { preset: 'paper' } : {},
      published: {},
    },
  ]
}

function plannedProtocol(name: string, samples: Partial<Record<ProtocolKind, number>>): PlannedProtocol {
  const found = name.match(/^(degradation|bounding-boxes|sensitivity-n|sanity)(?:-(\d{1,4}))?$/)
  const [, kind, tile] = found ?? []
  const isTiled = kind === 'degradation' || kind === 'sensitivity-n'
  if (!found || isTiled !== (tile !== undefined))
    throw new UsageError(
      `--protocols ${name}: expected some of ${protocolNames.join(', ')}, or degradation and sensitivity-n with tiles ` +
        'of another size.',
    )
  return {
    protocol: createProtocol(kind as ProtocolKind, isTiled ? { tile: Number(tile) } : {}),
    samples: samples[kind as ProtocolKind] ?? paperSamples[kind as ProtocolKind],
  }
}

function requireComplete(leftOut: readonly LeftOut[], failures: number): void {
  for (const { model, what, why } of leftOut) note(`iba: not measured: ${model}, ${what}: ${why}`)
  if (failures > 0) throw new IncompleteError(`${count(failures, 'failure')}, told above.`)
}

/** Tells on the terminal what goes on. */
class Teller implements ReproductionReport {
  readonly #quiet: boolean
  #progress: Progress | undefined
  failures = 0

  constructor(quiet: boolean) {
    this.#quiet = quiet
  }

  onMeasuring(model: string): void {
    this.#note(`${model}: timing one map of each method …`)
  }

  onEstimate({ left, total, seconds }: { left: number; total: number; seconds: number }): void {
    print(
      left === 0
        ? `All of ${count(total, 'value')} are there already.`
        : `${left.toLocaleString('en')} of ${count(total, 'value')} left to measure, which takes about ${duration(seconds)}.`,
    )
  }

  onLearning(model: string, what: string, done: number, total: number): void {
    if (!this.#progress) {
      this.#note(`${model}: learning ${what} from ${count(total, 'image')} …`)
      this.#start()
    }
    this.#progress?.update(done, total)
    if (done >= total) this.stop()
  }

  onCell(cell: { model: string; title: string; number: number; total: number; secondsLeft: number }): void {
    this.stop()
    const { model, title, number, total, secondsLeft } = cell
    this.#note(`[${number}/${total}] ${model}, ${title}; about ${duration(secondsLeft)} left`)
    this.#start()
  }

  onProgress(done: number, total: number): void {
    this.#progress?.update(done, total)
  }

  onResult({ protocol, model, method, score }: RunResult): void {
    this.stop()
    print(`${model.name}, ${method.title}, ${protocol}: ${scoreText(score)}`)
  }

  onFailure(error: Error): void {
    this.failures++
    const tell = () => note(`iba: ${error.message}`)
    if (this.#progress) this.#progress.pause(tell)
    else tell()
  }

  stop(): void {
    this.#progress?.stop()
    this.#progress = undefined
  }

  #start(): void {
    this.#progress = startProgress(images, { quiet: this.#quiet })
  }

  #note(line: string): void {
    if (!this.#quiet) note(line)
  }
}
