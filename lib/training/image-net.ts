import { createHash } from 'node:crypto'
import { mkdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ClassOrder, foldersIn, numberFolders } from '../datasets/class-folders.js'
import { readClasses } from '../datasets/classes.js'
import { findClassFile, trainingFolder } from '../datasets/layout.js'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { mapInOrder } from '../foundation/concurrency.js'
import { DatasetError, ImageError } from '../foundation/errors.js'
import { decodePath, encodePath, listFolder } from '../foundation/file-names.js'
import { fileReason, writeFileAtomically } from '../foundation/files.js'
import { imageExtensions } from '../images/folder.js'
import { ImageList } from './image-list.js'

const imageFile = new RegExp(`\\.(${imageExtensions.join('|')})$`, 'i')
const foldersAtOnce = 16

/** How class folders are told apart. */
export interface ImageNetOptions {
  /** How many classes the network has, where that is known. */
  classes?: number | undefined
  classOrder?: ClassOrder | undefined
  /** A list of the classes; else it is looked for. */
  classFile?: string | undefined
}

/** A folder of one class, or one inside it, as it was when it was listed. Its time of change tells whether that still holds.
 * Files and folders are named from the class's folder on. */
interface Listed {
  folder: string
  changed: number
  files: string[]
  folders: string[]
}

/** The images of a folder laid out like ImageNet's: a folder for each class, in the folder itself or in its `train`. Which
 * class a folder is follows the same rule as for evaluation. The listing of 1.28 million files takes seconds and about 50 MB;
 * it is cached, and made again for folders that changed.
 * @throws ImageError where the folder is missing, or holds no folders with images; DatasetError where it can't be told
 * which classes they are */
export async function listImageNet(folder: string, options: ImageNetOptions = {}): Promise<ImageList> {
  const given = await realPath(folder)
  const part = (await trainingFolder(given)).slice(given.length)
  const [root, shown] = [given + part, folder + part]
  const names = await foldersIn(root)
  const { indices, notes } = await numbersOf(root, names, options)
  const cache = join(
    cacheFolder(),
    'listings',
    `${createHash('sha256').update(root).digest('hex').slice(0, 24)}.txt`,
  )
  const cached = new ListingCache(await readFile(cache).catch(() => Buffer.alloc(0)))
  const lines: Buffer[] = []
  let isNew = false
  const list = async (name: string): Promise<Listed[]> => {
    const path = join(root, name)
    const { mtimeMs: changed } = await stat(encodePath(path)).catch(error => fail(path, error))
    let listed = cached.find(name)
    if (listed?.changed !== changed) {
      isNew = true
      listed = { folder: name, changed, ...(await entriesOf(path)) }
    }
    const inside: Listed[] = []
    for (const below of listed.folders) inside.push(...(await list(join(name, below))))
    return [listed, ...inside]
  }
  const folders = new Map([...indices].map(([name, label]) => [label, name]))
  const images = new ImageList((name, label) => join(shown, folders.get(label)!, name), notes)
  const classes = mapInOrder(names, foldersAtOnce, async name => ({ name, listed: await list(name) }))
  for await (const { name, listed } of classes) {
    const files = listed.flatMap(({ folder: at, files }) =>
      files.map(file => join(at.slice(name.length + 1), file)),
    )
    const label = indices.get(name)
    if (label === undefined && files.length > 0) {
      throw new DatasetError(`The folder '${name}' of '${shown}' is none of the listed classes.`)
    }
    for (const file of files) images.add(file, label!)
    for (const each of listed) lines.push(Buffer.from(`${JSON.stringify(each)}\n`))
  }
  if (images.size === 0) {
    throw new ImageError(
      `No images in the folders of '${shown}'. Expected one folder for each class, as in imagenet/train/n01440764/*.JPEG.`,
      { source: shown },
    )
  }
  if (isNew) await writeCache(cache, lines)
  return images
}

async function numbersOf(root: string, names: readonly string[], options: ImageNetOptions) {
  const classFile = options.classFile ?? (await findClassFile(root)) ?? (await findClassFile(dirname(root)))
  return numberFolders(root, names, {
    list: classFile === undefined ? undefined : await readClasses(classFile),
    order: options.classOrder ?? 'numbers',
    classes: options.classes,
  })
}

/** Images and folders, as they are called. */
async function entriesOf(path: string): Promise<Pick<Listed, 'files' | 'folders'>> {
  const entries = await listFolder(path).catch(error => fail(path, error))
  const shown = entries.filter(({ name }) => !name.startsWith('.'))
  return {
    files: shown
      .filter(entry => !entry.isDirectory() && imageFile.test(entry.name))
      .map(({ name }) => name)
      .sort(),
    folders: shown
      .filter(entry => entry.isDirectory())
      .map(({ name }) => name)
      .sort(),
  }
}

async function realPath(folder: string): Promise<string> {
  const path = await realpath(encodePath(folder), { encoding: 'buffer' }).catch(error => fail(folder, error))
  return decodePath(path)
}

/** What was listed before: a line of JSON for each folder, parsed when it is asked for. */
class ListingCache {
  readonly #lines = new Map<string, Buffer>()

  constructor(content: Buffer) {
    for (let begin = 0; begin < content.length; ) {
      const end = content.indexOf('\n', begin)
      if (end < 0) return
      const line = content.subarray(begin, end)
      const name = /^\{"folder":("(?:[^"\\]|\\.)*")/.exec(line.toString('utf8', 0, 4096))?.[1]
      if (name) this.#lines.set(parsed(name), line)
      begin = end + 1
    }
  }

  find(folder: string): Listed | undefined {
    const line = this.#lines.get(folder)
    try {
      const listed = JSON.parse(line?.toString('utf8') ?? '') as Listed
      return isTextList(listed.files) && isTextList(listed.folders) ? listed : undefined
    } catch {
      return undefined
    }
  }
}

/** Earlier versions kept no folders, and a cache may be damaged. */
function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

function parsed(text: string): string {
  try {
    return JSON.parse(text) as string
  } catch {
    return ''
  }
}

/** Without a cache the next run lists again. */
async function writeCache(path: string, lines: readonly Buffer[]): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFileAtomically(path, lines)
  } catch {
    return
  }
}

function fail(path: string, error: unknown): never {
  throw new ImageError(`Can't list the folder '${path}': ${fileReason(error)}`, {
    cause: error,
    source: path,
  })
}
