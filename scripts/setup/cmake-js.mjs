#!/usr/bin/env node
// Builds the native part in place of node-gyp: prebuildify and binding.gyp call it. Their arguments choose a version of
// Node and a processor; Node-API makes the first indifferent, and the second can only be this machine's.
import { ensureLibTorch } from '../../lib/install/ensure-libtorch.mjs'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { buildNative } from './native.mjs'

await runScript(async () => {
  const asked = process.argv.find(argument => argument.startsWith('--arch='))?.slice('--arch='.length)
  if (asked && asked !== process.arch)
    throw new SetupFailure(`can't build for ${asked} on ${process.arch}`, 'Build on a machine of that kind.')
  await buildNative(await ensureLibTorch())
})
