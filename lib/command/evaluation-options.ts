import { type Command, InvalidArgumentError as InvalidOption, Option } from 'commander'
import type { ProtocolKind } from '../evaluation/protocols/index.js'
import { UsageError } from './exit.js'
import { decimal, positive, wholeNumber } from './options.js'

/** What the options for the data give. */
export interface DataOptions {
  data: string
  labels?: string
  classFile?: string
  boxes?: string
  samples?: number
  seed: number
}

/** What the options of the protocols give. */
export interface ProtocolOptions {
  tile?: number
  ns?: number
  masks?: number
  pooled?: boolean
  unnormalised?: boolean
  weightSeed?: number
  pixels?: number
  tolerance?: number
  noise?: number
  noiseSamples?: number
  radius?: number
  neighbours?: number
}

/** `--data` and what says how to read it. */
export function addDataOptions(command: Command): void {
  command
    .optionsGroup('Data:')
    .option('--data <folder>', "required: labelled images (docs/evaluation.md), or 'demo'")
    .option('--labels <file>', 'for images that are not in class folders: the class of each, one a line')
    .option('--class-file <file>', 'a list of the classes in order (default: one of the usual names)')
    .option('--boxes <folder>', 'ILSVRC annotations (default: one of the usual folders)')
}

/** How many images are taken when nothing is said: as in the paper. */
export const paperSamples: Readonly<Record<ProtocolKind, number>> = {
  degradation: 50_000,
  'bounding-boxes': 50_000,
  'sensitivity-n': 1000,
  sanity: 200,
  'insertion-deletion': 1000,
  'pointing-game': 50_000,
  infidelity: 1000,
  'max-sensitivity': 200,
}

/** The options of one protocol. */
export function addProtocolOptions(command: Command, kind: ProtocolKind): void {
  command.optionsGroup('Protocol:')
  const tile = () =>
    new Option('--tile <pixels>', 'the side of a tile').default(8).argParser(wholeNumber(1, 65_536))
  switch (kind) {
    case 'degradation':
      command.addOption(tile())
      break
    case 'bounding-boxes':
      command.option('--unnormalised', "feed the images without mean and deviation, as the paper's code did")
      break
    case 'sensitivity-n':
      command
        .addOption(tile())
        .option('--ns <number>', 'how many numbers of tiles are tried', wholeNumber(1, 1000), 16)
        .option('--masks <number>', 'masks for each of them', wholeNumber(2, 100_000), 100)
        .option('--pooled', "one correlation over all images, as the paper's code computes it")
      break
    case 'sanity':
      command.option('--weight-seed <number>', 'draws the weights', wholeNumber(0), 0)
      break
    case 'insertion-deletion':
      command.option('--pixels <number>', 'changed from one point to the next', wholeNumber(1), 224)
      break
    case 'pointing-game':
      command.option('--tolerance <pixels>', 'how far from the object still counts', decimal(0), 15)
      break
    case 'infidelity':
      command
        .option('--noise <number>', "the noise's deviation", positive, 0.2)
        .option('--noise-samples <number>', 'noised images', wholeNumber(2), 100)
      break
    case 'max-sensitivity':
      command
        .option('--radius <number>', 'how far each value is moved at most', positive, 0.02)
        .option('--neighbours <number>', 'images that are tried', wholeNumber(1), 10)
      break
  }
}

/** The protocol's settings. */
export function protocolSettings(options: ProtocolOptions): Record<string, unknown> {
  const { tile, ns, masks, pooled, unnormalised, weightSeed, pixels, tolerance } = options
  const { noise, noiseSamples, radius, neighbours } = options
  return {
    ...{ tile, steps: ns, masks, pooled, unnormalised, weightSeed, step: pixels, tolerance },
    ...{ deviation: noise, noiseSamples, radius, neighbours },
  }
}

/** Which share of the images this process does, from the variables that launchers set. */
export function partFromEnvironment(): { rank: number; size: number } {
  const { RANK, WORLD_SIZE } = process.env
  if (RANK === undefined && WORLD_SIZE === undefined) return { rank: 0, size: 1 }
  const [rank, size] = [RANK, WORLD_SIZE].map(text => (/^\d+$/.test(text ?? '') ? Number(text) : Number.NaN))
  if (rank! >= 0 && size! > rank!) return { rank: rank!, size: size! }
  throw new UsageError(
    `The variables RANK and WORLD_SIZE are '${RANK ?? ''}' and '${WORLD_SIZE ?? ''}'. Expected whole numbers, RANK from 0 to ` +
      'WORLD_SIZE − 1, or neither of them.',
  )
}

/** Parses `degradation=24,sanity=3`. */
export function sampleCounts(text: string): Partial<Record<ProtocolKind, number>> {
  const counts: Partial<Record<ProtocolKind, number>> = {}
  for (const part of text.split(',')) {
    const [kind, count] = part.split('=').map(word => word.trim())
    if (kind === undefined || !(kind in paperSamples) || count === undefined)
      throw new InvalidOption(
        `Expected counts such as degradation=24 for: ${Object.keys(paperSamples).join(', ')}.`,
      )
    counts[kind as ProtocolKind] = wholeNumber(1)(count)
  }
  return counts
}
