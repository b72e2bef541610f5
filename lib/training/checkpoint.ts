import * as v from 'valibot'
import { InvalidArgumentError, WeightsError } from '../foundation/errors.js'
import { type ImageSize, sizeText } from '../images/size.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import type { ReadoutTrainerHandle } from '../native/readout-training-calls.js'
import type { Settings, TrainReadoutOptions } from './settings.js'
import { statisticsHash } from './statistics-hash.js'

/** How far training is. */
export interface Position {
  /** Steps done since the start. */
  step: number
  /** The epoch that is under way, from 0, and its steps that are done. */
  epoch: number
  stepInEpoch: number
  /** Images that could not be read so far. */
  broken: number
}

export const start: Position = { step: 0, epoch: 0, stepInEpoch: 0, broken: 0 }

/** What must not change between the parts of a training that is taken up again. */
export type Identity = Record<string, string | number | boolean>

/** The name of the metadata that a checkpoint has beside those of a readout. */
const entry = 'training'

interface Content {
  position: Position
  identity: Identity
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const written = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    position: v.object({ step: count, epoch: count, stepInEpoch: count, broken: count }),
    identity: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
  }),
)

export function identityOf(
  model: Model,
  { data, statistics, processes }: TrainReadoutOptions,
  settings: Settings,
): Identity {
  const { preprocessing, precision } = model
  const { beta, learningRate, batch, seed, randomCrop, flip } = settings
  const { layer, reads, variant, preset, sigma, minimumStd, samples } = settings
  const size = processes?.size ?? 1
  return {
    data: data.fingerprint,
    'images of a step': batch * size,
    // Each process reads shards of its own, so their order depends on how many there are.
    processes: data.size === undefined ? size : 'any',
    // A checkpoint brings its readout: other wishes for it would be passed over.
    layer,
    'layers that are read': reads.join(' '),
    variant,
    preset,
    sigma,
    'floor of the standard deviation': minimumStd,
    statistics: statistics ? statisticsHash(statistics) : `estimated from ${samples} images`,
    beta,
    'learning rate': learningRate,
    seed,
    precision,
    'random crop': randomCrop,
    flip,
    resize: plain(preprocessing.resize),
    crop: plain(preprocessing.crop),
    'crop first': preprocessing.cropFirst,
    squash: preprocessing.squash,
    interpolation: preprocessing.interpolation,
    'channel order': preprocessing.channelOrder,
    mean: preprocessing.mean.join(' '),
    'standard deviation': preprocessing.std.join(' '),
  }
}

function plain(size: ImageSize): number | string {
  return typeof size === 'number' ? size : sizeText(size)
}

/** Writes what is needed to go on from here; beside its place at first, so that the last checkpoint stays whole.
 * @throws WeightsError where the file can't be written */
export async function writeCheckpoint(
  trainer: ReadoutTrainerHandle,
  path: string,
  position: Position,
  identity: Identity,
): Promise<void> {
  const content: Content = { position, identity }
  const metadata = { [entry]: JSON.stringify(content) }
  await callNative(() => addon().saveReadoutTraining({ trainer, path, metadata }))
}

/** Puts a trainer where a checkpoint was.
 * @throws WeightsError where the file is no checkpoint, InvalidArgumentError where it is of a training with other settings */
export async function restoreCheckpoint(
  trainer: ReadoutTrainerHandle,
  path: string,
  identity: Identity,
): Promise<Position> {
  const metadata = await callNative(() => addon().restoreReadoutTraining({ trainer, path }))
  const content = parse(metadata[entry], path)
  const changed = Object.keys(identity).filter(name => content.identity[name] !== identity[name])
  if (changed.length === 0) return content.position
  const lines = changed.map(name => `${name}: ${content.identity[name]} there, ${identity[name]} now`)
  throw new InvalidArgumentError(
    `'${path}' is the checkpoint of another training (${lines.join('; ')}). Resume it with the settings that it was ` +
      'started with, or begin anew with another checkpoint.',
  )
}

function parse(text: string | undefined, path: string): Content {
  const { success, output } = v.safeParse(written, text)
  if (success) return output
  throw new WeightsError(
    `'${path}' is no checkpoint: it doesn't say how far its training was. Begin anew without it.`,
  )
}
