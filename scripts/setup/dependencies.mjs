import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { run, say, tail } from '../../lib/install/process.mjs'
import { root } from './paths.mjs'

/** @typedef {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>} Packages */

/** Installs the packages of package-lock.json unless they are there. Install scripts don't run: ours would start
 * this set-up again, and no package here needs one. */
export async function installPackages() {
  if (packagesAreCurrent(root)) return
  say('installing npm packages')
  const first = await npm(['ci'])
  if (first.code === 0) return
  // `npm ci` also refuses a lock file for lacking packages of other platforms, which not every registry mirror has.
  const { code, output } = first.output.includes('EUSAGE') ? await npm(['install', '--no-save']) : first
  if (code === 0) return
  throw new SetupFailure(
    code === 127
      ? `npm could not be started: ${output}`
      : `npm could not install the packages:\n${errorsOf(output)}`,
    'Check the network and the npm settings, then run `npm ci --ignore-scripts` by hand to see all of its output.',
  )
}

/** @param {string[]} args */
function npm(args) {
  return run('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root })
}

/** npm says what went wrong first and ends with advice.
 * @param {string} output */
function errorsOf(output) {
  const lines = output.split('\n').filter(line => /^npm (error|ERR!)\s+\S/.test(line))
  return lines.slice(0, 5).join('\n') || tail(output)
}

/** Whether node_modules holds what the lock file asks for. npm notes in node_modules/.package-lock.json what it
 * installed, which leaves out what belongs to other platforms.
 * @param {string} folder */
export function packagesAreCurrent(folder) {
  const asked = readPackages(join(folder, 'package-lock.json'))
  const installed = readPackages(join(folder, 'node_modules', '.package-lock.json'))
  if (!asked || !installed) return false
  return Object.entries(asked).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true
    const found = installed[path]
    return found ? found.version === version : Boolean(optional || devOptional)
  })
}

/** @param {string} file
 * @returns {Packages | null} */
function readPackages(file) {
  if (!existsSync(file)) return null
  return JSON.parse(readFileSync(file, 'utf8')).packages
}
