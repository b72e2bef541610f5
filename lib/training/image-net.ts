import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { mapInOrder } from '../foundation/concurrency.js'
import { ImageError } from '../foundation/errors.js'
import { fileReason, writeFileAtomically } from '../foundation/files.js'
import { imageExtensions } from '../images/folder.js'
import { ImageList } from './image-list.js'

const imageFile = new RegExp(`\\.(${imageExtensions.join('|')})$`, 'i')
const foldersAtOnce = 16

/** A folder of one class, as it was when it was listed. Its time of change tells whether that still holds. */
interface Listed {
  folder: string
  changed: number
  files: string[]
}

/** The images of a folder laid out like ImageNet's: a folder for each class, whose order by name gives the labels. The
 * listing of 1.28 million files takes seconds and about 50 MB; it is cached, and made again for folders that changed.
 * @throws ImageError where the folder is missing, or holds no folders with images */
export async function listImageNet(folder: string): Promise<ImageList> {
  const root = await realpath(folder).catch(error => fail(folder, error))
  const names = await classNames(root)
  const cache = join(
    cacheFolder(),
    'listings',
    `${createHash('sha256').update(root).digest('hex').slice(0, 24)}.txt`,
  )
  const cached = new ListingCache(await readFile(cache).catch(() => Buffer.alloc(0)))
  const lines: Buffer[] = []
  let isNew = false
  const list = async (name: string): Promise<Listed> => {
    const path = join(root, name)
    const { mtimeMs: changed } = await stat(path).catch(error => fail(path, error))
    const known = cached.find(name)
    if (known?.changed === changed) return known
    isNew = true
    const files = await readdir(path).catch(error => fail(path, error))
    return { folder: name, changed, files: files.filter(isImage).sort() }
  }
  const images = new ImageList((name, label) => join(folder, names[label]!, name))
  let label = 0
  for await (const listed of mapInOrder(names, foldersAtOnce, list)) {
    for (const name of listed.files) images.add(name, label)
    label++
    lines.push(Buffer.from(`${JSON.stringify(listed)}\n`))
  }
  if (images.size === 0) {
    throw new ImageError(
      `No images in the folders of '${folder}'. Expected one folder for each class, as in imagenet/train/n01440764/*.JPEG.`,
      { source: folder },
    )
  }
  if (isNew) await writeCache(cache, lines)
  return images
}

async function classNames(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(error => fail(root, error))
  const folders = entries.filter(entry => !entry.name.startsWith('.') && !entry.isFile())
  return folders.map(({ name }) => name).sort()
}

function isImage(name: string): boolean {
  return imageFile.test(name) && !name.startsWith('.')
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
      if (name) this.#lines.set(JSON.parse(name) as string, line)
      begin = end + 1
    }
  }

  find(folder: string): Listed | undefined {
    const line = this.#lines.get(folder)
    try {
      return line && (JSON.parse(line.toString('utf8')) as Listed)
    } catch {
      return undefined
    }
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
