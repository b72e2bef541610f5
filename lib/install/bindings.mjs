import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fetchedBindings } from '../native/built-files.mjs'
import { bindingsPackage, ownVersion } from '../native/packages.mjs'
import { asError, diskFull, SetupFailure } from './failure.mjs'
import { systemNpm, unpackNpmPackage } from './npm-package.mjs'
import { say } from './process.mjs'

/** Fetches the package of bindings for this platform into a store, where the package manager left it out: with
 * `--omit=optional`, or with a lock file of another platform.
 * @param {string} store
 * @param {import('./npm-package.mjs').Npm} [npm] */
export async function fetchBindings(store, npm = systemNpm) {
  const target = fetchedBindings(store)
  const wanted = `${bindingsPackage()}@${ownVersion()}`
  mkdirSync(dirname(target), { recursive: true })
  const folder = mkdtempSync(`${target}.`)
  try {
    say(`fetching ${wanted}`)
    await chmod(folder, 0o755)
    await unpackNpmPackage(wanted, folder, npm)
    if (existsSync(target)) rmSync(target, { recursive: true })
    renameSync(folder, target)
  } catch (error) {
    throw (
      diskFull(error) ??
      new SetupFailure(
        `${wanted} could not be fetched: ${asError(error).message}`,
        'Install it with your package manager, or build the native part with `npx attribution-bottleneck install\n' +
          '--from-source`, which takes CMake, make or ninja, and a C++ compiler.',
      )
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
