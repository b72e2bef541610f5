// Runs before `npm pack`: builds what the package holds, or fails and says why.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { say } from '../../lib/install/process.mjs'
import { bundlePackages } from '../setup/bundles.mjs'
import { installPackages } from '../setup/dependencies.mjs'
import { buildPage } from '../setup/page.mjs'
import { root } from '../setup/paths.mjs'
import { compileTypeScript } from '../setup/typescript.mjs'
import { ownManifest } from './manifests.mjs'
import { notices } from './notices.mjs'

await runScript(async () => {
  await installPackages()
  await bundlePackages()
  await compileTypeScript()
  await buildPage()
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(join(root, 'dist', 'THIRD-PARTY-NOTICES.txt'), notices())
  const { exports, bin } = ownManifest()
  const wanted = [...Object.values(exports).flatMap(pathsOf), ...Object.values(bin)]
  const missing = wanted.filter(path => !existsSync(join(root, path)))
  if (missing.length > 0)
    throw new SetupFailure(
      `package.json names ${missing.join(' and ')}, which was not built`,
      'Put right which.',
    )
  say('the package is complete')
})

/** The files that an entry of `exports` names.
 * @param {unknown} entry
 * @returns {string[]} */
function pathsOf(entry) {
  if (typeof entry === 'string') return [entry]
  return typeof entry === 'object' && entry !== null ? Object.values(entry).flatMap(pathsOf) : []
}
