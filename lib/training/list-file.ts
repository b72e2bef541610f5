import { createReadStream } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { ImageError, InvalidArgumentError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { ImageList } from './image-list.js'

/** The images of a text file with a line `path label` for each; relative paths start from the file's folder.
 * @throws ImageError where the file can't be read, InvalidArgumentError for a line of another form */
export async function readListFile(path: string): Promise<ImageList> {
  const folder = dirname(path)
  const images = new ImageList(name => resolve(folder, name))
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  let number = 0
  try {
    for await (const line of lines) {
      number++
      if (line.trim() === '') continue
      const { name, label } = parse(line, path, number)
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

function parse(line: string, path: string, number: number): { name: string; label: number } {
  const match = /^(.*\S)[\s,]+(\d{1,9})\s*$/.exec(line)
  if (match) return { name: match[1]!, label: Number(match[2]) }
  throw new InvalidArgumentError(
    `Line ${number} of '${path}' is '${line.slice(0, 80)}'. Expected the path of an image and its class, such as 'cat.jpg 281'.`,
  )
}
