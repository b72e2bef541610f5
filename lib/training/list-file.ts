import { dirname, resolve } from 'node:path'
import { type ReadingLimit, readBoundedLines } from '../foundation/bounded-reading.js'
import { csvFields } from '../foundation/csv.js'
import { ImageError, InvalidArgumentError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { ImageList } from './image-list.js'

const limit: ReadingLimit = { bytes: 2 ** 32, of: 'a list of images' }

const pathColumn = /^(path|file|file_?name|file_?path|image|image_?name|image_?path|image_?id|name)$/i
const labelColumn = /^(label|class|class_?id|class_?index|label_?id|index|target|y)$/i

/** The images of a text file with a line `path label` for each, or of comma-separated values, whose first line may name the
 * columns; relative paths start from the file's folder.
 * @throws ImageError where the file can't be read, InvalidArgumentError for a line of another form */
export async function readListFile(path: string): Promise<ImageList> {
  const folder = dirname(path)
  const images = new ImageList(name => resolve(folder, name))
  let columns: Columns | undefined
  let number = 0
  try {
    for await (const line of readBoundedLines(path, limit)) {
      number++
      if (line.trim() === '') continue
      if (images.size === 0 && columns === undefined) {
        columns = columnsOf(line)
        if (columns) continue
      }
      const { name, label } = parse(line, columns, path, number)
      images.add(name, label)
    }
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw error
    throw new ImageError(`Can't read the list '${path}': ${fileReason(error)}`, {
      cause: error,
      source: path,
    })
  }
  if (images.size === 0) {
    throw new ImageError(`The list '${path}' is empty. Expected lines of a path and a label.`, {
      source: path,
    })
  }
  return images
}

/** Which fields of a line are the image and its class. */
interface Columns {
  path: number
  label: number
}

/** What a line of headings says, if it is one. */
function columnsOf(line: string): Columns | undefined {
  const fields = csvFields(line) ?? []
  const path = fields.findIndex(field => pathColumn.test(field))
  const label = fields.findIndex((field, i) => i !== path && labelColumn.test(field))
  return path >= 0 && label >= 0 ? { path, label } : undefined
}

function parse(
  line: string,
  columns: Columns | undefined,
  path: string,
  number: number,
): { name: string; label: number } {
  const isQuoted = line.trimStart().startsWith('"')
  const fields = columns || isQuoted ? (csvFields(line) ?? []) : undefined
  const { path: at, label: labelAt } = columns ?? { path: 0, label: 1 }
  const plain = /^(.*\S)[\s,]+(\d{1,9})\s*$/.exec(line)
  const [name, label] = fields ? [fields[at], fields[labelAt]] : [plain?.[1], plain?.[2]]
  if (name && label && /^\d{1,9}$/.test(label)) return { name, label: Number(label) }
  throw new InvalidArgumentError(
    `Line ${number} of '${path}' is '${line.slice(0, 80)}'. Expected the path of an image and its class, such as 'cat.jpg 281'.`,
  )
}
