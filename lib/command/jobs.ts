import { stat } from 'node:fs/promises'
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path'
import { count } from '../foundation/text.js'
import { openNpy } from '../images/npy.js'
import { expandInput } from '../images/source.js'
import { imageFolder, type TargetedImage, type TokenInput } from '../index.js'
import { UsageError } from './exit.js'
import { inputName } from './standard-streams.js'

/** One image or text to explain, and where its results go. */
export interface Job {
  /** The file's path; for one image of an array, `path#position`. */
  name: string
  path: string
  /** Position in the array of a .npy file. */
  part?: number
  /** A text in place of a file. */
  text?: TokenInput
  files: ResultFiles
}

/** The paths of all results that a job may have. */
export interface ResultFiles {
  map: string
  picture: string
  animation: string
  capacity: string
  raw: string
}

export interface Plan {
  jobs: Job[]
  /** Images that are passed over because they lie where the results go. */
  amongResults: number
}

/** What is known of each image before the first is explained takes about a kilobyte. */
const mostInArray = 100_000

/** Lists the images of files, folders and .npy files, and gives each a name for its results. The same inputs always
 * get the same names, which is what makes a run resumable.
 * @throws {UsageError} the results would lie among the images of a folder
 * @throws {ImageError} a folder is missing or holds no image */
export async function planJobs(
  inputs: readonly string[],
  out: string,
  animation: 'gif' | 'webp',
): Promise<Plan> {
  const explicit = new Set<string>()
  const found = new Map<string, string>()
  let amongResults = 0
  for (const input of inputs) {
    if (!(await isFolder(input))) {
      explicit.add(resolve(input))
      found.set(resolve(input), input)
      continue
    }
    if (resolve(input) === resolve(out)) {
      throw new UsageError(
        `The results would lie among the images of '${input}'. Give another folder with --out.`,
      )
    }
    for await (const path of imageFolder(input)) {
      if (isInside(path, out) && !explicit.has(resolve(path))) amongResults++
      else found.set(resolve(path), path)
    }
  }
  const names = new ResultNames(out, animation, [...explicit])
  const jobs: Job[] = []
  for (const path of found.values()) {
    for (const { name, stem, part } of await imagesIn(path)) {
      jobs.push({ name, path, files: names.take(stem), ...(part !== undefined && { part }) })
    }
  }
  return { jobs, amongResults }
}

/** Gives each text a name for its results. */
export function textJobs(texts: readonly TokenInput[], out: string): Job[] {
  const names = new ResultNames(out, 'gif', [], 'html')
  return texts.map((text, i) => {
    const name = texts.length === 1 ? 'text' : `text.${i}`
    return { name, path: name, text, files: names.take(name) }
  })
}

/** The images of some jobs, read only as fast as they are taken. A file that can't be read is told to `onError`, and
 * the rest goes on.
 * @param onTaken called with the job of each image, in order */
export async function* jobImages(
  jobs: readonly Job[],
  onTaken: (job: Job) => void,
  onError: (error: unknown, jobs: readonly Job[]) => void,
): AsyncGenerator<TargetedImage, void, undefined> {
  for (const group of byFile(jobs)) {
    const [first] = group
    if (first?.part === undefined) {
      onTaken(first!)
      yield { image: first!.text ?? first!.path }
      continue
    }
    const left = [...group]
    try {
      let position = -1
      for await (const expanded of expandInput(first.path)) {
        position++
        if (expanded.kind !== 'prepared' || left[0]?.part !== position) continue
        const { data, channels, height, width } = expanded
        onTaken(left.shift()!)
        yield { image: { data, shape: [channels, height, width] } }
      }
    } catch (error) {
      onError(error, left)
    }
  }
}

/** Gives out names of result files, no one twice and none that an input has. */
class ResultNames {
  readonly #out: string
  readonly #animation: string
  readonly #picture: string
  readonly #taken: Set<string>

  constructor(out: string, animation: string, inputs: readonly string[], picture = 'png') {
    this.#out = out
    this.#animation = animation
    this.#picture = picture
    const besideResults = inputs.filter(path => dirname(path) === resolve(out))
    this.#taken = new Set(besideResults.map(path => foldCase(basename(path))))
  }

  take(stem: string): ResultFiles {
    for (let n = 1; ; n++) {
      const files = this.#files(n === 1 ? stem : `${stem}-${n}`)
      const names = Object.values(files).map(foldCase)
      if (names.some(name => this.#taken.has(name))) continue
      for (const name of names) this.#taken.add(name)
      return {
        map: join(this.#out, files.map),
        picture: join(this.#out, files.picture),
        animation: join(this.#out, files.animation),
        capacity: join(this.#out, files.capacity),
        raw: join(this.#out, files.raw),
      }
    }
  }

  #files(stem: string): ResultFiles {
    return {
      map: `${stem}.npy`,
      picture: `${stem}.${this.#picture}`,
      animation: `${stem}.${this.#animation}`,
      capacity: `${stem}.capacity.npy`,
      raw: `${stem}.raw.npy`,
    }
  }
}

/** A name without bytes that are no UTF-8, which are written as `%E9`. */
function writable(name: string): string {
  return name.replace(
    /[\udc80-\udcff]/gu,
    byte => `%${(byte.charCodeAt(0) - 0xdc00).toString(16).toUpperCase()}`,
  )
}

async function imagesIn(path: string): Promise<{ name: string; stem: string; part?: number }[]> {
  const stem = writable(basename(path, extname(path)))
  const called = inputName(path)
  if (extname(path).toLowerCase() !== '.npy') return [{ name: called, stem }]
  const length = await imagesInArray(path)
  if (length > mostInArray) {
    throw new UsageError(
      `'${path}' holds ${count(length, 'image')}, more than the limit of ${count(mostInArray, 'image')} of an array. ` +
        'Split it into several files.',
    )
  }
  return Array.from({ length }, (_, part) => ({
    name: `${called}#${part}`,
    stem: `${stem}.${part}`,
    part,
  }))
}

/** A broken file counts as one image, which will fail when its turn comes. */
async function imagesInArray(path: string): Promise<number> {
  try {
    await using file = await openNpy(path)
    const [count = 1] = file.shape
    return file.shape.length === 4 && file.shape.every(size => size > 0) ? count : 1
  } catch {
    return 1
  }
}

function* byFile(jobs: readonly Job[]): Generator<Job[]> {
  for (let i = 0; i < jobs.length; ) {
    let end = i + 1
    while (end < jobs.length && jobs[end]!.path === jobs[i]!.path) end++
    yield jobs.slice(i, end)
    i = end
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isDirectory(),
    () => false,
  )
}

function isInside(path: string, folder: string): boolean {
  const way = relative(resolve(folder), resolve(path))
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`)
}

// On macOS 'A.png' and 'a.png' are the same file.
function foldCase(name: string): string {
  return name.toLowerCase()
}
