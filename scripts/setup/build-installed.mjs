// Builds the native part of an installed package: in the cache, because the package's folder may be read-only, with
// tools that npm fetches for it. `iba install --from-source` runs it.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureLibTorch } from '../../lib/install/ensure-libtorch.mjs'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { checkMachine } from '../../lib/install/platform.mjs'
import { run, say, tail } from '../../lib/install/process.mjs'
import { sourceBuildFolder } from '../../lib/native/built-files.mjs'
import { alone } from './lock.mjs'
import { buildNative, removeIntermediates } from './native.mjs'
import { root } from './paths.mjs'
import { checkTools } from './tools.mjs'

const tools = ['cmake-js', 'node-addon-api']

await runScript(async () => {
  checkMachine()
  checkTools()
  const folder = sourceBuildFolder()
  await alone(
    async () => {
      const libtorch = await ensureLibTorch()
      const source = join(folder, 'source')
      await copySource(source)
      await buildNative(libtorch, folder, source)
      removeIntermediates(folder)
    },
    join(folder, '.lock'),
  )
})

/** @param {string} source */
async function copySource(source) {
  mkdirSync(source, { recursive: true })
  for (const name of ['CMakeLists.txt', 'native'])
    cpSync(join(root, name), join(source, name), { recursive: true })
  const { name, version, binary, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const wanted = Object.fromEntries(tools.map(tool => [tool, devDependencies[tool]]))
  const manifest = { name: `${name}-build`, version, private: true, binary, dependencies: wanted }
  writeFileSync(join(source, 'package.json'), JSON.stringify(manifest, undefined, 2))
  say(`fetching ${tools.join(' and ')}`)
  const args = [
    'install',
    '--prefix',
    source,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
  ]
  const { code, output } = await run('npm', args, { cwd: source })
  if (code !== 0)
    throw new SetupFailure(
      `npm could not fetch what the build needs: ${tail(output, 3)}`,
      'Check the npm settings.',
    )
}
