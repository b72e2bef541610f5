import type { Command } from 'commander'
import { protocols } from '../evaluation/protocols/all.js'
import { rankFrom } from '../foundation/environment.js'
import { count } from '../foundation/text.js'
import { describeMethod } from '../index.js'
import type { LeftOut } from '../reproduction/cells.js'
import { requireSameRuns } from '../reproduction/earlier-runs.js'
import { openModels } from '../reproduction/evaluated-model.js'
import { familyMethods } from '../reproduction/family.js'
import { findPaperMethod, type PaperMethod, paperMethods } from '../reproduction/paper.js'
import { readPublishedValues, transcribedValues } from '../reproduction/published.js'
import { estimateReproduction, reproduce } from '../reproduction/reproduction.js'
import type { PlannedProtocol, ReproductionOptions } from '../reproduction/reproduction-options.js'
import {
  addGeneralOptions,
  addModelOptions,
  chooseArithmetic,
  type ModelOptions,
  nameList,
  noteModel,
  requireGiven,
  requireModel,
  wholeNumber,
} from './common-options.js'
import { addDataOptions, type DataOptions, dataSettings, sampleCounts } from './evaluation-options.js'
import { IncompleteError, InterruptedError, UsageError } from './exit.js'
import { Interrupts } from './interrupt.js'
import { note, print, printJsonLine, shellWord } from './output.js'
import { ReproductionReporter } from './reproduction-reporter.js'
import { requireWritableFolder } from './writable.js'

interface ReproduceOptions extends ModelOptions, DataOptions {
  methods: string[]
  protocols: string[]
  /** By the kinds of protocols. */
  samples: Record<string, number>
  learn: number
  rows?: number
  out: string
  published?: string
  estimate?: boolean
  reportOnly?: boolean
  quiet?: boolean
  json?: boolean
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
    .summary("the paper's whole table, and a report")
    .description(
      "Runs the paper's evaluations for its methods and networks and writes report.html, table.md and table.csv. It " +
        'tells how long that will take before it starts; what is done is kept and not done again. Statistics are ' +
        'estimated and patterns fitted where they are missing; a trained readout is taken from --out, as ' +
        'MODEL.readout.safetensors. Beside the measured values stand those of --published, or an unchecked transcription of ' +
        "the paper's; compare that with the paper before citing.",
    )
  addModelOptions(command)
  command
    .optionsGroup('What:')
    .option(
      '--methods <names>',
      "'paper', 'family' for the bottlenecks that followed, or some of the paper's names or of `iba methods`, with commas between them",
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
    .option(
      '--learn <number>',
      'images that statistics are estimated from and patterns fitted to',
      wholeNumber(2),
      10_000,
    )
    .option('--rows <number>', 'changed images that go through the network together', wholeNumber(1, 65_536))
    .optionsGroup('Results:')
    .option('-o, --out <folder>', 'where everything goes', 'results')
    .option('--published <file>', 'published values that you checked: CSV of model, method, protocol, value')
    .option('--estimate', 'only tell how long it would take')
    .option('--report-only', 'only write the report, on what is there')
  command.option('--json', 'print lines of JSON, for programs')
  addGeneralOptions(command)
  command.addHelpText('after', examples).action(runReproduce)
}

async function runReproduce(options: ReproduceOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireGiven('--model', options.model, 'Give networks with commas between them, or --model demo.')
  requireGiven('--data', options.data, 'Give a folder of labelled images, or --data demo.')
  if (rankFrom(process.env).size > 1)
    throw new UsageError(
      '`iba reproduce` runs as one process. `iba evaluate` splits its images by RANK and WORLD_SIZE; its merged results ' +
        'are taken from --out.',
    )
  const wanted = await reproductionOf(options, interrupts.signal)
  wanted.models.forEach(requireModel)
  const reporter = new ReproductionReporter(options.quiet ?? false, options.json ?? false)
  try {
    await using models = await openModels(wanted)
    for (const { model } of models.all) noteModel(model)
    for (const text of new Set(models.all.flatMap(({ dataset }) => dataset.notes))) note(`iba: ${text}`)
    if (!options.estimate) await requireWritableFolder('--out', wanted.folder)
    await requireSameRuns(models.all, wanted)
    if (options.estimate) {
      await estimateReproduction(models.all, wanted, reporter)
      return
    }
    const leftOut = options.reportOnly ? [] : await reproduce(models.all, wanted, reporter)
    reporter.stop()
    // Drawing libraries would double the time that every command takes to start.
    const { writeReport } = await import('../reproduction/write-report.js')
    const files = await writeReport(models.all, wanted, leftOut)
    const sentence = `The report is in ${files.html}, the table in ${files.markdown} and ${files.csv}.`
    if (options.json) printJsonLine({ files, leftOut })
    else print(sentence)
    requireComplete(leftOut, reporter.failures)
  } catch (error) {
    if (!interrupts.signal.aborted) throw error
    throw new InterruptedError(
      `Interrupted; what was found is kept. To go on:\n  ${['iba', ...process.argv.slice(2)].map(shellWord).join(' ')}`,
    )
  } finally {
    reporter.stop()
  }
}

async function reproductionOf(options: ReproduceOptions, signal: AbortSignal): Promise<ReproductionOptions> {
  const { model, weights, device, precision, methods, samples, data } = options
  const { seed, learn, rows, out } = options
  chooseArithmetic(options)
  const models = [...new Set(nameList(model))]
  if (weights !== undefined && !weights.startsWith('seeded:') && models.length > 1)
    throw new UsageError('--weights is of one network, but --model names several. Reproduce them one by one.')
  const wanted = {
    models,
    methods: [...new Set(methods.flatMap(methodsOf))],
    protocols: [...new Set(options.protocols)].map(name => plannedProtocol(name, samples)),
  }
  const { published } = options
  return {
    ...wanted,
    published: published === undefined ? transcribedValues : await readPublishedValues(published, wanted),
    weights,
    device,
    precision,
    // torchvision, and with it the paper, ignores the EXIF tag.
    data: { ...dataSettings(options), orientation: options.orientation ?? 'stored', name: data },
    ...{ seed, learn, rows, folder: out, signal },
  }
}

/** All of the paper's methods, all of the family's, one of them, or any other method with the settings of the paper's code. */
function methodsOf(name: string): readonly PaperMethod[] {
  if (name === 'paper') return paperMethods
  if (name === 'family') return familyMethods
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
      transcribed: {},
    },
  ]
}

/** A protocol by its kind, and the side of its tiles or its preset where it has any: 'degradation-8', 'sanity'. */
function plannedProtocol(name: string, samples: Readonly<Record<string, number>>): PlannedProtocol {
  for (const declaration of protocols) {
    const { kind, options } = declaration
    const isTiled = options.some(option => option.name === 'tile')
    const presets = options.find(option => option.name === 'preset')?.choices ?? []
    const variant = name.startsWith(`${kind}-`) ? name.slice(kind.length + 1) : ''
    const isPreset = presets.includes(variant)
    if (isTiled ? !/^\d{1,4}$/.test(variant) : name !== kind && !isPreset) continue
    if (declaration.needsRandomLabels)
      throw new UsageError(
        `--protocols ${name}: it needs a network that was trained on random labels. Use \`iba evaluate ${kind}\`.`,
      )
    const settings = isTiled ? { tile: Number(variant) } : isPreset ? { preset: variant } : {}
    return {
      protocol: declaration.create(settings),
      samples: samples[kind] ?? declaration.samples,
    }
  }
  throw new UsageError(
    `--protocols ${name}: expected some of ${protocolNames.join(', ')}, another protocol of \`iba evaluate\`, or tiles of ` +
      'another size.',
  )
}

function requireComplete(leftOut: readonly LeftOut[], failures: number): void {
  for (const { model, what, why } of leftOut) note(`iba: not measured: ${model}, ${what}: ${why}`)
  if (failures > 0) throw new IncompleteError(`${count(failures, 'failure')}, told above.`)
}
