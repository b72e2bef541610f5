import { join } from 'node:path'
import { hasSeveralLayers } from '../../lib/attribution/needed-layers.js'
import {
  demoSamples,
  fitPatterns,
  type ImageInput,
  loadModel,
  type MethodDescription,
  type Model,
  roughStatistics,
} from '../../lib/index.js'
import type { Resource } from '../../lib/learned/resources.js'
import { withDrawnParts } from '../../lib/learned/rough-statistics.js'
import type { NumberType } from '../../lib/native/model-calls.js'
import { fetchPhotographSet } from '../demo/explain-photographs.js'
import { photographNetwork } from '../demo/photographs.js'
import { root } from '../setup/paths.mjs'
import { noiseImages, noiseStatistics, type PaperModel, referenceImage, seededModel } from './workload.js'

/** What a method needs of a network. */
type Need = 'statistics' | 'blockStatistics' | 'patterns' | 'readout'

/** Learns it with the network in float32, or gives the name under which the package has it. */
type Learn = (model: Model, images: readonly ImageInput[]) => Promise<Resource> | string

/** A network on which methods are measured. */
export interface Subject {
  network: string
  /** The only methods that are measured on it; all if absent. */
  methods?: readonly string[]
  /** Those that can't be, and why. */
  leftOut?: Readonly<Record<string, string>>
  load: (precision: NumberType) => Promise<Model>
  /** The first are explained, and all are learnt from. */
  images: () => Promise<readonly ImageInput[]>
  learn: Readonly<Partial<Record<Need, Learn>>>
}

/** Beside each image itself: a pattern has as many numbers as its neuron has weights, and the images are few. */
const drawnParts = 31

/** How a trained network's resources are learnt that don't come with the package. */
const learnt = {
  blockStatistics: (model, images) => roughStatistics(model, images, { layers: model.blockLayers }),
  patterns: (model, images) =>
    fitPatterns(model, { images: withDrawnParts(images, model, { parts: drawnParts }) }),
} as const satisfies Subject['learn']

const withoutAttention = 'a network without attention'
const leftOutOfConvolutions = {
  'attention-rollout': withoutAttention,
  'generic-attention': withoutAttention,
  zero: 'a map of zeros has no correlation',
}

export const subjects: readonly Subject[] = [
  {
    network: 'demo',
    leftOut: leftOutOfConvolutions,
    load: precision => loadModel('demo', { device: 'cpu', precision }),
    images: async () => (await demoSamples()).map(({ path }) => path),
    learn: { statistics: () => 'demo', readout: () => 'demo', ...learnt },
  },
  {
    network: photographNetwork,
    leftOut: { ...leftOutOfConvolutions, readout: 'a readout has to be trained on ImageNet' },
    async load(precision) {
      const { weights } = await fetchPhotographSet()
      return await loadModel(photographNetwork, { weights, device: 'cpu', precision })
    },
    images: async () => (await fetchPhotographSet()).photographs.map(({ path }) => path),
    learn: { statistics: () => photographNetwork, ...learnt },
  },
  ofPaper('resnet50'),
  ofPaper('vgg16'),
  {
    network: 'small transformer',
    methods: ['attention-rollout', 'generic-attention'],
    load: precision =>
      loadModel(join(root, 'test', 'fixtures', 'transformers', 'class-token.pt'), {
        device: 'cpu',
        precision,
        preprocessing: { resize: 64, crop: 64 },
      }),
    images: async () => noiseImages(4, 'fidelity', 64),
    learn: {},
  },
]

/** One of the paper's networks, with the image that its reference maps were made for. */
function ofPaper(network: PaperModel): Subject {
  return {
    network,
    methods: ['per-sample'],
    load: precision => seededModel(network, precision),
    images: async () => [(await referenceImage(network)).image],
    learn: { statistics: model => noiseStatistics(model) },
  }
}

/** What the methods need of a network, each made once. */
export class Resources implements AsyncDisposable {
  readonly #made = new Map<Need, Resource | string>()
  readonly #subject: Subject
  readonly #model: Model
  readonly #images: readonly ImageInput[]

  /** The model computes in float32. */
  constructor(subject: Subject, model: Model, images: readonly ImageInput[]) {
    this.#subject = subject
    this.#model = model
    this.#images = images
  }

  /** By the names of the method's options. */
  async of(method: MethodDescription): Promise<Record<string, Resource | string>> {
    const found: Record<string, Resource | string> = {}
    for (const name of method.needs) {
      const need = name === 'statistics' && hasSeveralLayers(method) ? 'blockStatistics' : name
      const resource = this.#made.get(need) ?? (await this.#subject.learn[need]!(this.#model, this.#images))
      this.#made.set(need, resource)
      found[name] = resource
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#made.values()) if (typeof resource !== 'string') resource.dispose()
  }
}
