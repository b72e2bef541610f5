import { rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { needSpace } from './disk.mjs'
import { throwIfDiskFull } from './failure.mjs'
import { run, tail } from './process.mjs'

/** Unpacks a zip file with whichever tool is there, and removes it.
 * @param {string} file
 * @param {string} folder */
export async function unpack(file, folder) {
  await needSpace(dirname(file), statSync(file).size * 5)
  /** @type {[string, string[]][]} */
  const ways = [
    ['unzip', ['-q', '-o', file, '-d', folder]],
    ['cmake', ['-E', 'tar', 'xf', file]],
    ['python3', ['-m', 'zipfile', '-e', file, folder]],
  ]
  const reasons = []
  for (const [command, args] of ways) {
    const { code, output } = await run(command, args, { cwd: folder })
    if (code === 0) return rmSync(file)
    throwIfDiskFull(output)
    reasons.push(`${command}: ${tail(output, 2)}`)
  }
  throw new Error(`${file} could not be unpacked (${reasons.join('; ')})`)
}
