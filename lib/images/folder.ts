import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageError } from '../foundation/errors.js'
import { encodePath, type FolderEntry, listFolder } from '../foundation/file-names.js'
import { fileReason } from '../foundation/files.js'
import { permutation } from '../foundation/random.js'
import { invalid, requireInteger, requireKnownKeys, requireString } from '../foundation/validate.js'

/** Options of {@link imageFolder}. */
export interface ImageFolderOptions {
  /** Which files are images, by the end of their name, upper or lower case.
   * Default: jpg, jpeg, png, webp, gif, tif, tiff, avif, bmp; in a folder without any of these, npy. */
  extensions?: readonly string[]
  /** Look into folders inside the folder. Default: true. */
  recursive?: boolean
  /** Stop after so many images. Default: all. */
  limit?: number
  /** Give the images in an order drawn from this seed. All names are listed first and held in memory, about 100 bytes
   * each. `limit` then takes a random part. Default: sorted by path. */
  shuffleSeed?: number
}

/** The endings of image files. */
export const imageExtensions = ['jpg', 'jpeg', 'png', 'webp', 'gif', 'tif', 'tiff', 'avif', 'bmp']
/** Of what is an image only where there are no others: maps that were made of images are arrays as well. */
const arrayExtensions = ['npy']

/** The image files of a folder, in the order of their paths. See {@link ImageFolder}.
 * @throws {InvalidArgumentError} an option is unknown or out of range */
export function imageFolder(folder: string, options: ImageFolderOptions = {}): ImageFolder {
  return new ImageFolder(folder, options)
}

/** The paths of the image files of a folder. It can be iterated any number of times; each time lists the folder anew.
 *
 * Paths come in sorted order (by code unit, on every machine the same), and only the names of the folders on the way to
 * the current file are in memory. Names that start with a dot are left out. Links are followed, but not in circles.
 * Iterating throws an {@link ImageError} if the folder is missing or holds no image. */
export class ImageFolder implements AsyncIterable<string> {
  /** The path, as it was given. */
  readonly folder: string
  readonly #extensions: readonly (readonly string[])[]
  readonly #recursive: boolean
  readonly #limit: number
  readonly #seed: number | undefined

  constructor(folder: string, options: ImageFolderOptions = {}) {
    requireKnownKeys('imageFolder options', options, ['extensions', 'recursive', 'limit', 'shuffleSeed'])
    const { extensions, recursive = true, limit, shuffleSeed } = options
    if (extensions !== undefined && (!Array.isArray(extensions) || extensions.length === 0)) {
      throw invalid('extensions', 'an array of file name endings', extensions)
    }
    if (typeof recursive !== 'boolean') throw invalid('recursive', 'true or false', recursive)
    this.folder = requireString('folder', folder)
    this.#extensions = (extensions ? [extensions] : [imageExtensions, arrayExtensions]).map(endings =>
      endings.map(ending => `.${requireString('extensions', ending).replace(/^\./, '').toLowerCase()}`),
    )
    this.#recursive = recursive
    this.#limit = limit === undefined ? Infinity : requireInteger('limit', limit, 1)
    this.#seed = shuffleSeed === undefined ? undefined : requireInteger('shuffleSeed', shuffleSeed, 0)
  }

  /** The paths, one after the other. @throws {ImageError} the folder is missing or holds no image */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    for (const endings of this.#extensions) {
      const all = this.#walk(this.folder, endings)
      let count = 0
      for await (const path of this.#seed === undefined ? all : shuffled(all, this.#seed)) {
        yield path
        if (++count >= this.#limit) return
      }
      if (count > 0) return
    }
    throw this.#nothingFound()
  }

  async *#walk(
    folder: string,
    endings: readonly string[],
    above: readonly string[] = [],
  ): AsyncGenerator<string, void, undefined> {
    const real = await realpath(encodePath(folder), 'latin1').catch(error => this.#fail(folder, error))
    if (above.includes(real)) return
    for (const name of await this.#list(folder, endings)) {
      if (name.endsWith('/')) yield* this.#walk(join(folder, name.slice(0, -1)), endings, [...above, real])
      else yield join(folder, name)
    }
  }

  /** The names of images and, with a slash at the end, of folders. The slash makes the order that of the whole paths. */
  async #list(folder: string, endings: readonly string[]): Promise<string[]> {
    const names: string[] = []
    try {
      for (const entry of await listFolder(folder)) {
        if (entry.name.startsWith('.')) continue
        if (await isFolder(folder, entry)) {
          if (this.#recursive) names.push(`${entry.name}/`)
        } else if (endings.some(ending => entry.name.toLowerCase().endsWith(ending))) names.push(entry.name)
      }
    } catch (error) {
      this.#fail(folder, error)
    }
    return names.sort()
  }

  #nothingFound(): ImageError {
    const where = this.#recursive
      ? 'the folder or the folders inside it'
      : 'the folder itself (recursive is off)'
    return new ImageError(
      `No image in '${this.folder}': looked for names ending in ${this.#extensions.flat().join(', ')} in ${where}. ` +
        'Check the path, or set extensions.',
      { source: this.folder },
    )
  }

  #fail(folder: string, error: unknown): never {
    throw new ImageError(`Can't list the folder '${folder}': ${fileReason(error)}`, {
      cause: error,
      source: folder,
    })
  }
}

async function* shuffled(all: AsyncIterable<string>, seed: number): AsyncGenerator<string, void, undefined> {
  const paths: string[] = []
  for await (const path of all) paths.push(path)
  for (const index of permutation(paths.length, seed).reverse()) yield paths[index]!
}

async function isFolder(folder: string, entry: FolderEntry): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  // A link to nowhere counts as a file, so that the decoder names it.
  return stat(encodePath(join(folder, entry.name))).then(
    target => target.isDirectory(),
    () => false,
  )
}
