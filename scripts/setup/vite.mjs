import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { require } from './paths.mjs'

/** Vite, which only builds need: loaded where one is due.
 * @returns {Promise<typeof import('vite')>} */
export async function loadVite() {
  const entry = join(dirname(require.resolve('vite/package.json')), 'dist', 'node', 'index.js')
  return await import(pathToFileURL(entry).href)
}
