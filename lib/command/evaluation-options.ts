import { type Command, InvalidArgumentError as InvalidOption, Option } from 'commander'
import type { ClassOrder } from '../datasets/class-folders.js'
import type { DatasetOptions } from '../datasets/dataset.js'
import { protocols } from '../evaluation/protocols/all.js'
import type { Orientation } from '../images/decode.js'
import { wholeNumber } from './common-options.js'

/** What the options for the data give. */
export interface DataOptions {
  data: string
  labels?: string
  classFile?: string
  boxes?: string
  orientation?: Orientation
  classOrder?: ClassOrder
  seed: number
}

/** `--data` and what says how to read it. */
export function addDataOptions(command: Command): void {
  command
    .optionsGroup('Data:')
    .option('--data <folder>', "required: labelled images (docs/evaluation.md), or 'demo'")
    .option('--labels <file>', 'for images that are not in class folders: the class of each, one a line')
    .option('--class-file <file>', 'a list of the classes in order (default: one of the usual names)')
    .option('--boxes <folder>', 'ILSVRC annotations (default: one of the usual folders)')
    .addOption(
      new Option(
        '--orientation <kind>',
        'exif: images are turned as their EXIF tags say, boxes with them; stored: as the files hold them ' +
          "(default: exif; for the paper's table stored, as the paper has it)",
      ).choices(['exif', 'stored']),
    )
    .addOption(
      new Option(
        '--class-order <kind>',
        'class folders named by numbers are the indices of the classes, or count in the order of their names as text',
      )
        .choices(['numbers', 'text'])
        .default('numbers'),
    )
}

/** What the options say of how the data is read. */
export function dataSettings(options: DataOptions): Omit<DatasetOptions, 'classes'> {
  const { labels, classFile, boxes, orientation, classOrder } = options
  return { labels, classFile, boxes, orientation, classOrder }
}

/** Parses `degradation=24,sanity=3`, counts by the kinds of protocols. */
export function sampleCounts(text: string): Record<string, number> {
  const kinds = protocols.map(({ kind }) => kind)
  const counts = text.split(',').map(part => {
    const [kind = '', count] = part.split('=').map(word => word.trim())
    if (!kinds.includes(kind) || count === undefined)
      throw new InvalidOption(`Expected counts such as degradation=24 for: ${kinds.join(', ')}.`)
    return [kind, wholeNumber(1)(count)] as const
  })
  return Object.fromEntries(counts)
}
