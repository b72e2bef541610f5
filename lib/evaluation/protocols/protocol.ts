import type { Attributer } from '../../attribution/attribution.js'
import type { OptionDescription, OptionValue } from '../../attribution/described-options.js'
import { withDefaults } from '../../attribution/described-options.js'
import type { Sample } from '../../datasets/dataset.js'
import type { Model } from '../../model/model.js'
import type { RunRecord, Summary } from '../runs/record.js'

/** A protocol as data. The command's flags, defaults, checks and help follow from it, and so do the columns and charts of
 * a reproduction. */
export interface ProtocolDescription {
  /** What the command line calls it. */
  kind: string
  title: string
  summary: string
  /** Where it was published. */
  source: string
  /** Which score is better. */
  direction: 'higher' | 'lower'
  /** What the score is called, where the title doesn't say it. */
  scoreName?: string
  /** Images that are drawn at most where nothing is said: as many as in the paper. */
  samples: number
  /** Every setting that changes what it finds, the side of its tiles as `tile`. */
  options: readonly OptionDescription[]
  /** What its runs are called, where that isn't the kind. */
  runName?: string
  /** Only images with boxes take part. */
  needsBoxes?: true
  /** It changes the network's weights, so that nothing that was trained on the network applies any more. */
  changesWeights?: true
  /** It compares the network with one that was trained on random labels. */
  needsRandomLabels?: true
  /** What it runs through the network is the same for every method: another method's run holds the outputs. */
  sharesOutputs?: true
  /** Makes settings complete where some of them decide others. */
  complete?(settings: Readonly<Record<string, OptionValue>>): Record<string, OptionValue>
  /** What has to be known of the settings beside every number, in words. */
  tell?(settings: Readonly<Record<string, OptionValue>>): string
  /** How its curves are drawn, with what their axes show; `x` is null where it shows named places. */
  chart?: {
    x: string | null
    y: string
    scale?: 'logarithmic' | 'percent'
    /** How many of the curves are drawn, from the first on. Default: all. */
    curves?: number
  }
}

/** A protocol with its settings. */
export interface Protocol extends ProtocolDescription {
  /** What its runs are called, with the side of the tiles or the preset, if that isn't the default: 'degradation-8'. */
  name: string
  /** The title with the side of the tiles. */
  fullTitle: string
  /** What has to be known of the settings beside every number, in words. */
  told?: string
  /** The side of the tiles in pixels, where it has tiles. */
  tile?: number
  settings: Readonly<Record<string, OptionValue>>
  /** The names of what is run for each image; a protocol of one stage has none. */
  stages(model: Model): readonly string[]
  /** What one image costs: maps, and passes of changed images through the network. */
  work(model: Model): { maps: number; passes: number }
  /** The records that are not there yet. */
  run(context: RunContext): AsyncGenerator<RunRecord, void, undefined>
  summarise(records: readonly RunRecord[]): Summary
}

/** A protocol as data that can be made. */
export interface ProtocolDeclaration extends ProtocolDescription {
  /** @throws InvalidArgumentError where an option is unknown or out of range; those that are absent get their defaults */
  create(options?: object): Protocol
}

/** A method that is ready for one model, with what it holds. */
export interface OpenedMethod extends AsyncDisposable {
  attributer: Attributer
}

/** What a protocol works with. */
export interface RunContext {
  model: Model
  /** The network that was trained on random labels, where the protocol compares with one. */
  randomLabels?: Model
  /** Makes the method for a model; for another one than `model` with what it needs estimated anew. */
  openMethod(model: Model): Promise<OpenedMethod>
  samples: readonly Sample[]
  /** The samples of all processes together. */
  allSamples: readonly Sample[]
  /** The class that is explained: the sample's label, or the predicted class. */
  explained: 'label' | 'predicted'
  seed: number
  /** Images that are explained together. */
  batch: number
  /** Changed images that go through the network together. */
  rows: number | undefined
  signal: AbortSignal
  /** The values of another method's run by the keys of its records, for what doesn't depend on the method. */
  known: ReadonlyMap<string, unknown>
  /** Whether a record is there already. */
  isDone(key: string): boolean
  /** Called, and waited for, before an image is read. */
  onRead(sample: Sample): Promise<void>
  /** Called while a record is made, with its done share. */
  onProgress(share: number): void
  /** Called for an image that can't be read; the others go on. */
  onError(error: Error, sample: Sample): void
}

/** What a protocol does, once its options are known. */
type ProtocolWork = Pick<Protocol, 'work' | 'run' | 'summarise'> & Partial<Pick<Protocol, 'stages'>>

/** @typeParam Options what the description's options are, in TypeScript's words */
export function declareProtocol<Options>(
  description: ProtocolDescription,
  workOf: (options: Options) => ProtocolWork,
): ProtocolDeclaration {
  const { kind, title, runName = kind, options, complete, tell } = description
  return {
    ...description,
    create(given = {}) {
      const checked = withDefaults<Record<string, OptionValue>>({ name: kind, options }, given)
      const settings = complete ? complete(checked) : checked
      const told = tell?.(settings)
      const { tile } = settings
      const isTiled = typeof tile === 'number'
      const preset = options.find(({ name }) => name === 'preset')
      const isOther = preset !== undefined && settings.preset !== preset.defaults.iba
      const ownTitle = isOther ? `${title} (${settings.preset})` : title
      const titles = [ownTitle, isTiled && `tiles of ${tile}×${tile}`, told].filter(text => text)
      return {
        ...description,
        name: isTiled ? `${runName}-${tile}` : isOther ? `${runName}-${settings.preset}` : runName,
        title: ownTitle,
        fullTitle: titles.join(', '),
        ...(told !== undefined && { told }),
        ...(isTiled && { tile }),
        settings,
        stages: () => [],
        ...workOf(settings as Options),
      }
    },
  }
}
