import type { Sample } from '../../datasets/dataset.js'
import { mapInOrder } from '../../foundation/concurrency.js'
import { RunError } from '../../foundation/errors.js'
import { fileHash, textHash } from '../../foundation/file-hash.js'
import type { LearningImages } from './evaluated-method.js'
import type { RunRecord } from './record.js'

/** Files that are read at a time. */
const together = 8

/** A hash of samples: which images, of which classes and with which boxes, but not what the images' files hold. That is kept
 * with each record, since no run should read all its images before it starts. */
export async function hashOfSamples(samples: readonly Sample[], withBoxes: boolean): Promise<string> {
  const lines: string[] = []
  const line = async ({ id, target, boxes }: Sample) => {
    if (!withBoxes) return JSON.stringify([id, target])
    // An annotation that can't be read is told of at its image, and the others go on.
    const known = typeof boxes === 'string' ? await fileHash(boxes).catch(() => 'unreadable') : boxes
    return JSON.stringify([id, target, known])
  }
  for await (const found of mapInOrder(samples, together, line)) lines.push(found)
  return textHash(lines.join('\n'))
}

/** A hash of what images hold that something is learnt from. One that can't be read counts as such. */
export async function hashOfImages({ images, samples }: LearningImages): Promise<string> {
  const found: string[] = []
  const hash = (path: string) => fileHash(path).catch(() => 'unreadable')
  for await (const content of mapInOrder(images, together, hash)) {
    if (found.push(content) >= samples) break
  }
  return textHash(found.join('\n'))
}

/** What a record keeps of its image's file. */
export async function imageHash({ path }: Sample): Promise<string> {
  return (await fileHash(path)).slice(0, 32)
}

/** Reads the images of records again.
 * @throws RunError where one isn't what it was when it was evaluated, FileError */
export async function requireSameImages(
  file: string,
  records: readonly RunRecord[],
  samples: readonly Sample[],
): Promise<void> {
  const known = new Map(records.map(({ id, image }) => [id, image]))
  const compare = async (sample: Sample) => {
    const before = known.get(sample.id)
    if (before === undefined || before === (await imageHash(sample))) return
    throw new RunError(
      `The image '${sample.path}' was changed since '${file}' was evaluated with it. Put it back, choose another ` +
        '--out, or remove the file to run again.',
    )
  }
  for await (const _ of mapInOrder(
    samples.filter(({ id }) => known.has(id)),
    together,
    compare,
  ));
}
