import { existsSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { say } from '../../lib/install/process.mjs'
import { root } from './paths.mjs'
import { digest, Stamp } from './stamp.mjs'
import { loadVite } from './vite.mjs'

const target = join(root, 'dist', 'lib', 'bundled')
const stamp = new Stamp(join(root, 'dist', '.bundles-stamp'))

/** Names the packages whose code is in the bundles. */
export const bundledPackagesFile = join(target, 'packages.json')

/** What is used of packages that would bring many others along, where little of them is needed. `imports` in package.json
 * has the same names.
 * @type {Record<string, { from: string, names: string[] }>} */
const bundles = {
  plot: { from: '@observablehq/plot', names: ['dot', 'lineY', 'plot', 'text'] },
  'tar-stream': { from: 'tar-stream', names: ['extract', 'pack'] },
}

/** Bundles these packages into dist/, unless nothing changed since the last time, so that they need not be installed. */
export async function bundlePackages() {
  const inputs = digest(['scripts/setup/bundles.mjs', 'package-lock.json'])
  if (stamp.matches(inputs) && existsSync(bundledPackagesFile)) return
  say('bundling packages')
  const { build } = await loadVite()
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    publicDir: false,
    plugins: [entries()],
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: target,
      emptyOutDir: true,
      target: 'node20',
      rolldownOptions: {
        input: Object.fromEntries(Object.keys(bundles).map(name => [name, `bundle:${name}`])),
        output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      },
    },
  })
  stamp.write(inputs)
}

/** Each bundle begins with a module that gives out what is used of its package.
 * @returns {import('vite').Plugin} */
function entries() {
  return {
    name: 'entries',
    resolveId: id => (id.startsWith('bundle:') ? id : null),
    load(id) {
      const bundle = id.startsWith('bundle:') && bundles[id.slice('bundle:'.length)]
      return bundle ? `export { ${bundle.names.join(', ')} } from '${bundle.from}'` : null
    },
    writeBundle(_, chunks) {
      const modules = Object.values(chunks).flatMap(chunk => (chunk.type === 'chunk' ? chunk.moduleIds : []))
      const names = new Set(modules.flatMap(packageOf))
      writeFileSync(bundledPackagesFile, JSON.stringify([...names].sort()))
    },
  }
}

/** The folder of the package that a module belongs to, in the lock file's words.
 * @param {string} id
 * @returns {string[]} empty where it belongs to none */
function packageOf(id) {
  const path = relative(root, id.replace(/^\0/, '').replace(/\?.*/, ''))
  return /^(?:node_modules\/(?:@[^/]+\/)?[^/]+\/)*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []
}
