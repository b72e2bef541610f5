import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { throwIfDiskFull } from './failure.mjs'
import { run, tail } from './process.mjs'
import { placeOf } from './unpack.mjs'

/** Runs npm with arguments.
 * @typedef {(args: string[]) => Promise<{ code: number, output: string }>} Npm */

/** @type {Npm} */
export const systemNpm = args => run('npm', args)

/** Fetches a package through npm, which knows the user's registry and checks what arrives, and unpacks it. Nothing in it
 * is run.
 * @param {string} wanted name and version
 * @param {string} folder an existing one
 * @param {Npm} [npm] */
export async function unpackNpmPackage(wanted, folder, npm = systemNpm) {
  const arrived = await mkdtemp(join(folder, 'npm-'))
  const args = ['pack', wanted, '--pack-destination', arrived, '--ignore-scripts', '--loglevel', 'error']
  const { code, output } = await npm(args)
  if (code !== 0) throwIfDiskFull(output)
  const file = (await readdir(arrived)).find(name => name.endsWith('.tgz'))
  if (code !== 0 || file === undefined) throw new Error(`npm pack ${wanted} failed: ${whyOf(output)}`)
  await unpackTarball(join(arrived, file), folder)
  await rm(arrived, { recursive: true })
}

/** npm says what went wrong first and ends with advice.
 * @param {string} output */
function whyOf(output) {
  const lines = output.split('\n').filter(line => /^npm (error|ERR!)\s+\S/.test(line))
  return lines.slice(0, 2).join('; ') || tail(output, 2)
}

/** A tarball of npm's holds everything in one folder, which is left out.
 * @param {string} file
 * @param {string} folder */
export async function unpackTarball(file, folder) {
  // The set-up reads this file before there are any packages.
  const { extract } = await import('#tar-stream')
  const entries = extract()
  const failure = new Promise((_, reject) => {
    pipeline(createReadStream(file), createGunzip(), entries, error => error && reject(error))
  })
  await Promise.race([failure, takeFiles(entries, folder)])
}

/** @param {import('#tar-stream').Extract} entries
 * @param {string} folder */
async function takeFiles(entries, folder) {
  for await (const entry of entries) {
    const place = placeOf(entry.header.name.replace(/^[^/]*\//, ''), folder)
    if (entry.header.type === 'file') {
      await mkdir(dirname(place), { recursive: true })
      await writeFile(place, await buffer(entry), { mode: 0o644 })
    } else entry.resume()
  }
}
