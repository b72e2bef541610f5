import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './paths.mjs'

/** Whether the package brings a binding for a minor version of LibTorch on this platform.
 * @param {{ minor: string }} libtorch */
export function hasPrebuild({ minor }) {
  const folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`)
  return existsSync(join(folder, `attribution_bottleneck.torch-${minor}.so`))
}
