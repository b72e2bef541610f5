import { types } from 'node:util'
import { mapInOrder } from '../foundation/concurrency.js'
import { InvalidArgumentError } from '../foundation/errors.js'
import { invalid, rangeText } from '../foundation/validate.js'
import { imageFolder } from '../images/folder.js'
import { readNpy } from '../images/npy.js'
import type { PreparedInput } from '../images/prepared-input.js'
import { arrayFile, type ImageInput } from '../images/source.js'
import { pendingImages } from '../images/stream.js'
import { type Model, stackImages } from '../model/model.js'
import type { NativeOptionValue, PlainValue } from '../native/attribution-calls.js'
import type { Tensor } from '../native/values.js'
import type { OptionDescription, OptionValue } from './described-options.js'

/** All images of an option are held in memory. */
const mostImages = 4096
/** Images that are prepared at a time. */
const together = 4

/** An array that was given for an option, copied, the path of its file, or one of the words that may stand for it.
 * @throws InvalidArgumentError it is none, or holds a number out of range */
export function requireArray(option: OptionDescription, value: unknown): Float32Array | string {
  const { name, choices = [] } = option
  if (isWord(option, value)) return value as string
  if (typeof value === 'string' && arrayFile(value) !== undefined) return value
  if (types.isFloat32Array(value) && value.length > 0) return inRange(option, value).slice()
  const words = choices.length > 0 ? `one of: ${choices.join(', ')}, or ` : ''
  throw invalid(name, `${words}a Float32Array or the path of a .npy file`, value)
}

/** Images that were given for an option, or the path of a folder of them.
 * @throws InvalidArgumentError they are none */
export function requireImages({ name }: OptionDescription, value: unknown): readonly ImageInput[] | string {
  if (typeof value === 'string' && value !== '') return value
  if (Array.isArray(value) && value.length > 0) return [...value]
  throw invalid(name, 'a list of images, or the path of a folder or of a .npy file of them', value)
}

/** Whether the value of an option lies in a file or a folder, and not in what was given. */
export function isInFile(option: OptionDescription, value: OptionValue): value is string {
  const takesFiles = option.form === 'array' || option.form === 'images'
  return takesFiles && typeof value === 'string' && !isWord(option, value)
}

/** The paths of the images that lie in a folder, or the one array of them. */
export function imageFiles(path: string): AsyncIterable<string> | Iterable<string> {
  return arrayFile(path) === undefined ? imageFolder(path) : [path]
}

/** The value of an option as the add-on takes it: files are read, and images prepared as those that are explained.
 * @throws ImageError a file can't be read; InvalidArgumentError numbers out of range, or images of several sizes */
export async function nativeValue(
  option: OptionDescription,
  value: OptionValue,
  model: Model,
): Promise<NativeOptionValue> {
  if (option.form === 'images')
    return await preparedImages(option.name, value as string | readonly ImageInput[], model)
  if (types.isFloat32Array(value)) return { data: value, shape: [value.length] }
  if (!isInFile(option, value)) return value as PlainValue
  const array = await readNpy(value)
  inRange(option, array.data)
  return array
}

function isWord({ choices = [] }: OptionDescription, value: unknown): boolean {
  return typeof value === 'string' && choices.includes(value)
}

function inRange<Numbers extends Float32Array>(
  { name, minimum = -Infinity, maximum = Infinity }: OptionDescription,
  numbers: Numbers,
): Numbers {
  const wrong = numbers.findIndex(number => !(number >= minimum && number <= maximum))
  if (wrong < 0) return numbers
  throw new InvalidArgumentError(
    `Expected numbers${rangeText(minimum, maximum)} for ${name}, but number ${wrong} of them is ${numbers[wrong]}.`,
  )
}

async function preparedImages(
  name: string,
  given: string | readonly ImageInput[],
  { preprocessing }: Model,
): Promise<Tensor> {
  const inputs = typeof given === 'string' ? imageFiles(given) : given
  const found: PreparedInput[] = []
  const load = mapInOrder(
    signal => pendingImages(inputs, preprocessing, signal),
    together,
    (image, signal) => image.load(signal),
  )
  for await (const image of load) {
    const [first = image] = found
    if (image.height !== first.height || image.width !== first.width)
      throw new InvalidArgumentError(
        `Expected images of one size for ${name}, but '${first.name}' has ${first.height} × ${first.width} pixels and ` +
          `'${image.name}' ${image.height} × ${image.width}. Crop them alike.`,
      )
    if (found.push(image) > mostImages)
      throw new InvalidArgumentError(
        `Expected at most ${mostImages} images for ${name}, which are held in memory. Give a part of them.`,
      )
  }
  return stackImages(found)
}
