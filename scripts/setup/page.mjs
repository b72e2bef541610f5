import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { run, say } from '../../lib/install/process.mjs'
import { require, root } from './paths.mjs'
import { digest, Stamp } from './stamp.mjs'
import { loadVite } from './vite.mjs'

const source = join(root, 'lib', 'explore', 'page')
const target = join(root, 'dist', 'lib', 'explore', 'page')
const stamp = new Stamp(join(root, 'dist', '.page-stamp'))

/** Checks the types of the page of `iba explore` and bundles it into dist/, unless nothing changed since the last time. */
export async function buildPage() {
  const inputs = digest([
    'lib/explore/page',
    'lib/rendering',
    'lib/server/answer-types.ts',
    'lib/attribution/method-description.ts',
    'scripts/setup/page.mjs',
    'package-lock.json',
  ])
  if (stamp.matches(inputs)) return
  say('building the page of iba explore')
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const { code } = await run(process.execPath, [compiler, '--project', source], { cwd: root, show: true })
  if (code !== 0)
    throw new SetupFailure(
      'TypeScript found errors in the page, listed above',
      'Put them right and try again.',
    )
  await bundle()
  stamp.write(inputs)
}

async function bundle() {
  rmSync(target, { recursive: true, force: true })
  const { build } = await loadVite()
  await build({
    configFile: false,
    root: source,
    // Addresses relative to the page, so that it can be served below any prefix.
    base: './',
    logLevel: 'warn',
    publicDir: false,
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: target,
      emptyOutDir: true,
      target: 'es2022',
      // A script of Vite's for old browsers, and pictures within the style, aren't needed.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
    },
  })
}
