// Makes a fresh clone ready to run: packages, LibTorch, the native build, TypeScript. What is ready is left alone, so
// every other command can start with this one.

import { ensureLibTorch } from '../lib/install/ensure-libtorch.mjs'
import { runScript } from '../lib/install/failure.mjs'
import { checkPlatform } from '../lib/install/platform.mjs'
import { bundlePackages } from './setup/bundles.mjs'
import { installPackages } from './setup/dependencies.mjs'
import { alone } from './setup/lock.mjs'
import { buildNative } from './setup/native.mjs'
import { buildPage } from './setup/page.mjs'
import { compileTypeScript } from './setup/typescript.mjs'

await runScript(async () => {
  checkPlatform()
  await alone(async () => {
    await installPackages()
    await bundlePackages()
    await buildNative(await ensureLibTorch())
    await compileTypeScript()
    await buildPage()
  })
})
