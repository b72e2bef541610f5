import type { Preset } from '../foundation/presets.js'
import type { Model } from '../model/model.js'
import type { ResourceName } from '../native/attribution-calls.js'
import type { Handle } from '../native/values.js'
import type { LearningOptions } from './learning.js'
import { fitPatterns, loadPatterns, Patterns } from './patterns.js'
import { estimate, loadStatistics, Statistics } from './statistics.js'
import { loadReadout, TrainedReadout } from './trained-readout.js'

/** What has to be made once for a model before some methods can be used with it. */
export interface Resource extends AsyncDisposable {
  /** @internal */
  readonly handle: Handle<string>
  /** @throws StatisticsError, PatternsError, WeightsError where it was made with another model, or lacks one of the layers */
  requireFor(model: Model, layers?: readonly string[]): void
  /** Writes it as a file. */
  save(path: string): Promise<void>
  /** Frees the native memory now. Safe to call twice. */
  dispose(): void
}

/** How a resource is made from images: for which layers and in whose conventions, where it depends on them. */
export interface LearnOptions extends LearningOptions {
  /** Where the bottlenecks go. Default: the model's bottleneck layer. */
  layers?: readonly string[]
  /** Default 'iba'. */
  preset?: Preset
}

/** A class of resources, for `instanceof`. */
export type ResourceClass = abstract new (...args: never[]) => Resource

/** A kind of resource as data. */
export interface ResourceDescription {
  /** The class of such a resource. */
  type: ResourceClass
  /** Reads a file of it; 'demo' stands for the demo network's, where it has one. */
  load(path: string, model: Model): Promise<Resource>
  /** Makes it from images; absent where images alone don't do. */
  learn?(model: Model, options: LearnOptions): Promise<Resource>
  /** Whether the demo network brings one. */
  hasDemo: boolean
  /** The option of the command line that names its file. */
  flag: string
  /** The command that makes it. */
  command: string
  /** The option that tells this command where the images come from. */
  images: string
  /** What it is, in a sentence after "needs". */
  meaning: string
  /** What it is for where a method takes it without needing it. */
  use?: string
  /** Where else such files come from. */
  published: boolean
}

/** All kinds of resources by their names, which are also the options of the methods that need them. */
export const resources: Readonly<Record<ResourceName, ResourceDescription>> = {
  statistics: {
    type: Statistics,
    load: (path, model) => loadStatistics(path, { model }),
    learn: (model, options) => estimate(model, { onWarning: () => {}, ...options }),
    hasDemo: true,
    flag: '--statistics',
    command: 'estimate',
    images: '--images',
    meaning: 'statistics',
    published: true,
  },
  patterns: {
    type: Patterns,
    load: loadPatterns,
    learn: (model, { layers, preset, ...options }) => fitPatterns(model, options),
    hasDemo: false,
    flag: '--patterns',
    command: 'fit-patterns',
    images: '--images',
    meaning: 'the patterns of its neurons',
    published: false,
  },
  readout: {
    type: TrainedReadout,
    load: (path, model) => loadReadout(model, path),
    hasDemo: true,
    flag: '--readout',
    command: 'train-readout',
    images: '--data',
    meaning: 'a readout that was trained on it',
    use: 'what it predicts is where the optimisation begins',
    published: true,
  },
}

/** The names of all kinds of resources. */
export const resourceNames = Object.keys(resources) as ResourceName[]
