// Makes a fresh clone ready to run: packages, LibTorch, the native build, TypeScript. What is ready is left alone, so
// every other command can start with this one.
import { installPackages } from './setup/dependencies.mjs'
import { ensureLibTorch } from './setup/ensure-libtorch.mjs'
import { runScript } from './setup/failure.mjs'
import { alone } from './setup/lock.mjs'
import { buildNative } from './setup/native.mjs'
import { checkPlatform } from './setup/platform.mjs'
import { compileTypeScript } from './setup/typescript.mjs'

await runScript(async () => {
  checkPlatform()
  await alone(async () => {
    await installPackages()
    await buildNative(await ensureLibTorch())
    await compileTypeScript()
  })
})
