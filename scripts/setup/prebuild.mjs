// Makes prebuilds/<platform>-<processor>/ for publishing: the loader, and the binding for the LibTorch that is found.
// Run once for each minor version of LibTorch, the bindings add up.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { ensureLibTorch } from '../../lib/install/ensure-libtorch.mjs'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { checkPlatform } from '../../lib/install/platform.mjs'
import { run, tail } from '../../lib/install/process.mjs'
import { thisTarget } from '../../lib/native/packages.mjs'
import { ownManifest } from '../release/manifests.mjs'
import { installPackages } from './dependencies.mjs'
import { alone } from './lock.mjs'
import { buildFolder, require, root } from './paths.mjs'

await runScript(async () => {
  checkPlatform()
  await alone(async () => {
    await installPackages()
    await prebuildify()
  })
})

async function prebuildify() {
  const script = join(require.resolve('prebuildify/package.json'), '..', 'bin.js')
  const { folder } = await ensureLibTorch() // prebuildify changes the PATH, where another python3 may come first
  const builder = join(root, 'scripts', 'setup', 'cmake-js.mjs')
  const env = { ...process.env, LIBTORCH: folder, PREBUILD_NODE_GYP: builder }
  const { code, output } = await run(process.execPath, [script, '--napi', '--strip'], {
    cwd: root,
    env,
    show: true,
  })
  if (code !== 0)
    throw new SetupFailure(`prebuildify failed: ${tail(output, 3)}`, 'Put right what is named above.')
  // prebuildify takes the loader away from the build, which tests run with.
  const made = join(root, 'prebuilds', thisTarget, `${ownManifest().name}.node`)
  cpSync(made, join(buildFolder, 'Release', 'attribution_bottleneck.node'))
}
