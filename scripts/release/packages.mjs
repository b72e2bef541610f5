// Lays all packages out in build/packages and packs them: the bindings of every platform in prebuilds/. `--libtorch` makes
// those of LibTorch as well, for this platform and of the LibTorch that is found, and `--only-libtorch` makes
// no others; `--licences` names the folder with the wheel of torch whose licences it takes.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { say } from '../../lib/install/process.mjs'
import { findLibTorch, listAttempts } from '../../lib/native/find-libtorch.mjs'
import { targets, thisTarget } from '../../lib/native/packages.mjs'
import { root } from '../setup/paths.mjs'
import { layOutAnyLibTorch, layOutBindings, layOutLibTorch, layOutMain, pack } from './lay-out.mjs'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'build', 'packages') },
    prebuilds: { type: 'string', default: join(root, 'prebuilds') },
    libtorch: { type: 'boolean', default: false },
    'only-libtorch': { type: 'boolean', default: false },
    licences: { type: 'string' },
  },
})

await runScript(async () => {
  const at = (/** @type {string} */ name) => join(values.out, name)
  const folders = []
  rmSync(values.out, { recursive: true, force: true })
  if (!values['only-libtorch']) {
    const built = targets.filter(target => existsSync(join(values.prebuilds, target)))
    if (built.length === 0)
      throw new SetupFailure(`${values.prebuilds} is empty`, 'Run `npm run prebuild` first.')
    await layOutMain(at('attribution-bottleneck'))
    for (const target of built) layOutBindings(at(target), { target, from: join(values.prebuilds, target) })
    folders.push(at('attribution-bottleneck'), ...built.map(at))
  }
  if (values.libtorch || values['only-libtorch']) {
    const libtorch = withoutCuda()
    const { licences } = values
    layOutLibTorch(at(`libtorch-${thisTarget}`), libtorch, licences === undefined ? {} : { licences })
    layOutAnyLibTorch(at('libtorch'), libtorch.version)
    folders.push(at(`libtorch-${thisTarget}`), at('libtorch'))
  }
  for (const folder of folders) {
    const tarball = await pack(folder, at('tarballs'))
    say(`${basename(tarball)}: ${size(statSync(tarball).size)}, unpacked ${size(bytesBelow(folder))}`)
  }
})

function withoutCuda() {
  const { libtorch, tried } = findLibTorch({ refuse: ({ cuda }) => (cuda ? 'was built with CUDA' : null) })
  if (libtorch) return libtorch
  throw new SetupFailure(
    `no LibTorch for processors was found:\n${listAttempts(tried)}`,
    'Let LIBTORCH name the torch/ of an unpacked wheel.',
  )
}

/** @param {string} folder
 * @returns {number} */
function bytesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

/** @param {number} bytes */
function size(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
}
