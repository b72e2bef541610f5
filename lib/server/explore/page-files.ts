import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of the built page. */
export interface PageFile {
  type: string
  body: Buffer
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

const folder = fileURLToPath(new URL('../../explore/page/', import.meta.url))

/** The files of the page by their names, such as `index.html` and `assets/index-1a2b.js`.
 * @throws Error it isn't built */
export async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>()
  for (const entry of await entries()) {
    const type = types[extname(entry)]
    if (type !== undefined) files.set(entry, { type, body: await readFile(join(folder, entry)) })
  }
  return files
}

async function entries(): Promise<string[]> {
  const names: string[] = await readdir(folder, { recursive: true }).catch(() => [])
  if (names.includes('index.html')) return names.map(name => name.replaceAll('\\', '/'))
  throw new Error(
    `The page isn't built: there is no index.html in ${folder}. In a source tree run: npm run setup`,
  )
}
