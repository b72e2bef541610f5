import { chmodSync, existsSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { run, say } from '../../lib/install/process.mjs'
import { require, root } from './paths.mjs'
import { digest, filesBelow, Stamp } from './stamp.mjs'

const stamp = new Stamp(join(root, 'dist', '.stamp'))

/** Compiles TypeScript to dist/, unless nothing changed since the last time. */
export async function compileTypeScript() {
  const inputs = digest(['lib', 'scripts', 'test', 'tsconfig.json', 'package.json', 'package-lock.json'])
  if (stamp.matches(inputs)) return
  say('compiling TypeScript')
  removeOrphans()
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const { code } = await run(process.execPath, [compiler, '--project', root], { cwd: root, show: true })
  if (code !== 0)
    throw new SetupFailure('TypeScript found errors, listed above', 'Put them right and try again.')
  // So that `npx iba` runs in a source tree; npm does it for an installed package.
  chmodSync(join(root, 'dist', 'lib', 'command', 'main.js'), 0o755)
  stamp.write(inputs)
}

/** What isn't compiled but bundled, by `buildPage` and `bundlePackages`. */
const bundled = [join('dist', 'lib', 'explore', 'page'), join('dist', 'lib', 'bundled')]

/** Compiled files whose source is gone would still be run as tests. */
function removeOrphans() {
  for (const file of filesBelow('dist')) {
    if (bundled.some(folder => file.startsWith(folder))) continue
    const source = relative('dist', file).replace(/(\.d)?\.([cm]?)(js|ts)(\.map)?$/, '.$2')
    if (source.endsWith('.tsbuildinfo') || source.startsWith('.')) continue
    const exists = ['ts', 'js'].some(extension => existsSync(join(root, `${source}${extension}`)))
    if (!exists) rmSync(join(root, file))
  }
}
