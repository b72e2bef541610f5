import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { needSpace } from './disk.mjs'
import { asError } from './failure.mjs'

/** @typedef {(name: string) => boolean} Wanted of an entry, by its name in the archive */

/** Unpacks what is wanted of a zip file, and removes the file.
 * @param {string} file
 * @param {string} folder
 * @param {Wanted} [wanted] */
export async function unpack(file, folder, wanted = () => true) {
  const zip = await open(file)
  try {
    let bytes = 0
    const names = new Map()
    for await (const entry of entriesOf(zip)) {
      if (entry.fileName.endsWith('/') || !wanted(entry.fileName)) continue
      names.set(entry.fileName, entry)
      bytes += entry.uncompressedSize
    }
    await needSpace(folder, bytes)
    for (const entry of names.values()) await take(zip, entry, placeOf(entry.fileName, folder))
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw error
    throw new Error(`${file} could not be unpacked (${asError(error).message})`, { cause: error })
  } finally {
    zip.close()
  }
  await rm(file)
}

/** Where an entry of an archive goes, which must be inside of the folder.
 * @param {string} name
 * @param {string} folder */
export function placeOf(name, folder) {
  const place = resolve(folder, name)
  if (!place.startsWith(resolve(folder) + sep)) throw new Error(`it holds '${name}', which leads out of it`)
  return place
}

/** @param {string} file
 * @returns {Promise<import('yauzl').ZipFile>} */
async function open(file) {
  const { default: yauzl } = await import('yauzl')
  const options = { lazyEntries: true, autoClose: false, strictFileNames: true }
  return await new Promise((resolve, reject) =>
    yauzl.open(file, options, (error, zip) => (error ? reject(error) : resolve(zip))),
  ).catch(error => {
    throw new Error(`${file} is no zip file (${asError(error).message})`, { cause: error })
  })
}

/** @param {import('yauzl').ZipFile} zip
 * @returns {AsyncGenerator<import('yauzl').Entry>} */
async function* entriesOf(zip) {
  for (let left = zip.entryCount; left > 0; left--) {
    const read = once(zip, 'entry')
    zip.readEntry()
    yield (await read)[0]
  }
}

/** @param {import('yauzl').ZipFile} zip
 * @param {import('yauzl').Entry} entry
 * @param {string} place */
async function take(zip, entry, place) {
  await mkdir(dirname(place), { recursive: true })
  const source = await promisify(zip.openReadStream.bind(zip))(entry)
  await pipeline(source, createWriteStream(place, { mode: 0o644 }))
}
