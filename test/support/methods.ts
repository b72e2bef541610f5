import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Attributer,
  type Attribution,
  createAttributer,
  fitPatterns,
  type LoadOptions,
  loadModel,
  type MethodDescription,
  type Model,
  type Statistics,
  type TrainedReadout,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { loadFile } from './imported-models.js'
import { referenceReadout } from './readout.js'
import { noiseImages, smallStatistics } from './small-model.js'

/** A network, and the size of the images that it is tried with. */
export interface Trial {
  model: Model
  height: number
  width: number
}

/** Small transformers as files, with what other programs compute of them. */
export const transformers = fileURLToPath(new URL('../../../test/fixtures/transformers', import.meta.url))

/** Those that follow the attention of transformers, of which the networks of the zoo have none. */
export const ofAttention = ['attention-rollout', 'generic-attention']

/** A transformer of 10 classes. */
export async function transformerTrial(options: LoadOptions = {}): Promise<Trial> {
  return { model: await loadFile(join(transformers, 'class-token.pt'), 64, options), height: 64, width: 64 }
}

const small = { weights: 'seeded:0', width: 8, classes: 10, device: 'cpu' } as const

export async function trial(
  architecture: string,
  height: number,
  width: number,
  options: LoadOptions = {},
): Promise<Trial> {
  return { model: await loadModel(architecture, { ...small, ...options }), height, width }
}

/** Makes attributers that need few passes through the network, and what they need, once for each trial. */
export class Attributers {
  readonly #statistics = new Map<Trial, Promise<Statistics>>()
  readonly #patterns = new Map<Trial, Promise<string>>()
  readonly #readouts = new Map<Trial, Promise<TrainedReadout>>()
  readonly #folder = mkdtempSync(join(tmpdir(), 'iba-methods-'))

  async make(
    tried: Trial,
    method: MethodDescription,
    options: Record<string, unknown> = {},
  ): Promise<Attributer> {
    const needed = {
      ...(method.needs.includes('statistics') && { statistics: await this.#statisticsOf(tried) }),
      ...(method.needs.includes('patterns') && { patterns: await this.#patternsOf(tried) }),
      ...(method.needs.includes('readout') && { readout: await this.#readoutOf(tried) }),
    }
    return createAttributer(tried.model, method.name, { ...brief(method), ...needed, ...options })
  }

  async dispose(): Promise<void> {
    const made = await Promise.allSettled([...this.#statistics.values(), ...this.#readouts.values()])
    for (const resource of made) if (resource.status === 'fulfilled') resource.value.dispose()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #patternsOf(tried: Trial): Promise<string> {
    const made = this.#patterns.get(tried) ?? this.#fitPatterns(tried)
    this.#patterns.set(tried, made)
    return made
  }

  async #fitPatterns({ model, height, width }: Trial): Promise<string> {
    const path = join(this.#folder, `${this.#patterns.size}.safetensors`)
    const images = noiseImages(16, { name: 'patterns', channels: model.inputChannels, height, width })
    await using patterns = await fitPatterns(model, { images })
    await patterns.save(path)
    return path
  }

  #readoutOf(tried: Trial): Promise<TrainedReadout> {
    const made = this.#readouts.get(tried) ?? this.#makeReadout(tried)
    this.#readouts.set(tried, made)
    return made
  }

  async #makeReadout({ model, height, width }: Trial): Promise<TrainedReadout> {
    const { reads } = addon().readoutPlace({ model: model.handle })
    await using statistics = await smallStatistics(model, reads, { height, width })
    const folder = mkdtempSync(join(this.#folder, 'readout-'))
    return await referenceReadout(model, statistics, 'B', folder, 'iba')
  }

  #statisticsOf(tried: Trial): Promise<Statistics> {
    const { model, height, width } = tried
    const layers = [...new Set([model.bottleneckLayer, ...model.blockLayers])]
    const made = this.#statistics.get(tried) ?? smallStatistics(model, layers, { height, width })
    this.#statistics.set(tried, made)
    return made
  }
}

/** Few repetitions where the method has any. */
function brief({ options }: MethodDescription): Record<string, number> {
  const few: Record<string, number> = { samples: 4, steps: 4, copies: 2, patch: 16, masks: 6 }
  return Object.fromEntries(
    options.flatMap(({ name }) => (few[name] === undefined ? [] : [[name, few[name]]])),
  )
}

/** How far two maps are apart, as a share of the second; 0 where both are empty. */
export function distance({ map: a }: Attribution, { map: b }: Attribution): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  const between = norm(a.data.map((value, i) => value - b.data[i]!))
  return between === 0 ? 0 : between / norm(b.data)
}

/** Pearson's correlation of two maps. */
export function correlation({ map: a }: Attribution, { map: b }: Attribution): number {
  const centred = ({ data }: { data: Float32Array }) => {
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length
    return data.map(value => value - mean)
  }
  const [x, y] = [centred(a), centred(b)]
  const product = (one: Float32Array, other: Float32Array) =>
    one.reduce((sum, value, i) => sum + value * other[i]!, 0)
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y))
}
