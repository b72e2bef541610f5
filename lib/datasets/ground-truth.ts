import { dirname, join } from 'node:path'
import { type ReadingLimit, readBoundedText } from '../foundation/bounded-reading.js'
import { csvFields } from '../foundation/csv.js'
import { DatasetError } from '../foundation/errors.js'
import { exists, fileReason } from '../foundation/files.js'
import type { Box, Boxes } from './boxes.js'
import { readDevkitClasses } from './classes.js'

/** What a file says of an image of a flat folder. */
export interface ImageTruth {
  /** A synset such as n01440764. */
  label: string
  /** Its objects, where the file has them. */
  boxes?: Boxes
}

const limit: ReadingLimit = { bytes: 2 ** 28, of: 'a ground truth' }

/** What is known of each image of a flat folder, in the order of the images' names. Of a text file a line for each image: a
 * synset, or the number that the ILSVRC devkit gives it, whose meta.mat must then lie where the devkit has it or beside the
 * file. Of Kaggle's LOC_val_solution.csv the synset and the boxes, by the images' names without ending.
 * @throws DatasetError */
export async function readGroundTruth(path: string, stems: readonly string[]): Promise<ImageTruth[]> {
  const text = await readBoundedText(path, limit).catch(error => {
    throw new DatasetError(`Can't read the ground truth '${path}': ${fileReason(error)}`, { cause: error })
  })
  const lines = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  if (/^"?ImageId"?,/i.test(lines[0] ?? '')) return readSolution(lines, stems, path)
  const images = stems.length
  if (lines.length !== images) {
    throw new DatasetError(
      `'${path}' has ${lines.length} lines, but there are ${images} images. It must have one line for each, in the ` +
        'order of their names.',
    )
  }
  const labels = lines.every(label => /^\d+$/.test(label)) ? await toSynsets(lines, path) : lines
  return labels.map(label => ({ label }))
}

/** `ImageId,PredictionString`, where the second is a synset and a box, for each object. */
function readSolution(lines: readonly string[], stems: readonly string[], path: string): ImageTruth[] {
  const truths = new Map<string, ImageTruth>()
  for (const [i, line] of lines.entries()) {
    if (i === 0) continue
    const [stem, prediction] = csvFields(line) ?? []
    const words = prediction?.trim().split(/\s+/) ?? []
    const objects = Array.from({ length: Math.ceil(words.length / 5) }, (_, n) =>
      words.slice(n * 5, n * 5 + 5),
    )
    const pixels = objects.map(([, ...sides]) => toBox(sides.map(Number)))
    if (!stem || !pixels.every(box => box !== undefined)) {
      throw new DatasetError(
        `Line ${i + 1} of '${path}' is '${line.slice(0, 80)}'. Expected an image and its objects, such as ` +
          "'ILSVRC2012_val_00000001,n01751748 111 108 400 370'.",
      )
    }
    truths.set(stem, { label: words[0]!, boxes: { pixels } })
  }
  return stems.map(stem => {
    const truth = truths.get(stem)
    if (truth) return truth
    throw new DatasetError(`'${path}' has no line for the image '${stem}'.`)
  })
}

function toBox([left, top, right, bottom]: readonly number[]): Box | undefined {
  const box = { left: left!, top: top!, right: right!, bottom: bottom! }
  const isWhole = Object.values(box).every(Number.isFinite)
  return isWhole && box.left <= box.right && box.top <= box.bottom ? box : undefined
}

async function toSynsets(numbers: readonly string[], path: string): Promise<string[]> {
  const places = [
    join(dirname(path), 'meta.mat'),
    join(dirname(path), 'data', 'meta.mat'),
    join(dirname(path), 'ILSVRC2012_devkit_t12', 'data', 'meta.mat'),
  ]
  for (const place of places) {
    if (!(await exists(place))) continue
    const synsets = await readDevkitClasses(place)
    return numbers.map(number => {
      const synset = synsets.get(Number(number))
      if (synset !== undefined) return synset
      throw new DatasetError(`'${path}' names a class ${number}, which '${place}' doesn't list.`)
    })
  }
  throw new DatasetError(
    `'${path}' numbers the classes as the ILSVRC devkit does, which is another order than the networks'. Its meta.mat, ` +
      `which lists them, was looked for in ${places.join(', ')}. Put it there, or give a ground truth of synsets.`,
  )
}
