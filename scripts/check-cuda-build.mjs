// On demand (several GB): builds the add-on against a LibTorch with CUDA and loads it, on a machine that need not have a
// GPU. Checks that loading works and that the reason why CUDA can or can't run is told.
//   node scripts/check-cuda-build.mjs [version]
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../lib/foundation/cache-folder.mjs'
import { needSpace } from '../lib/install/disk.mjs'
import { runScript, SetupFailure } from '../lib/install/failure.mjs'
import { run, say, tail } from '../lib/install/process.mjs'
import { findLibTorch, listAttempts } from '../lib/native/find-libtorch.mjs'
import { buildNative } from './setup/native.mjs'
import { buildFolder, root } from './setup/paths.mjs'

await runScript(async () => {
  const version = process.argv[2] ?? '2.14.*'
  const libtorch = await installedLibTorch(join(cacheFolder(), 'cuda-check'), version)
  const folder = join(buildFolder, 'cuda-check')
  await buildNative(libtorch, folder)
  const reason = loadIn(folder, libtorch.folder)
  say(reason === null ? 'CUDA was opened' : `loaded; CUDA can't run: ${reason}`)
})

/** A virtual environment, so that the NVIDIA libraries lie where LibTorch looks for them.
 * @param {string} folder
 * @param {string} version */
async function installedLibTorch(folder, version) {
  await needSpace(folder, 8e9)
  mkdirSync(folder, { recursive: true })
  say(`installing torch ${version} with CUDA into ${folder}`)
  const made = await run('python3', ['-m', 'venv', folder])
  const python = join(folder, 'bin', 'python3')
  const installed = await run(python, ['-m', 'pip', 'install', '--quiet', `torch==${version}`], {
    show: true,
  })
  if (made.code !== 0 || installed.code !== 0)
    throw new SetupFailure(`pip failed: ${tail(made.output + installed.output)}`, 'Put right what pip names.')
  const env = { ...process.env, LIBTORCH: undefined, PATH: `${join(folder, 'bin')}:${process.env.PATH}` }
  const { libtorch, tried } = findLibTorch({
    env,
    headers: true,
    refuse: one => (one.cuda ? null : 'has no CUDA'),
  })
  if (libtorch) return libtorch
  throw new SetupFailure(
    `pip installed no LibTorch with CUDA:\n${listAttempts(tried)}`,
    'Name another version.',
  )
}

/** Loads the add-on in a process of its own, where no other LibTorch is open.
 * @param {string} folder the build
 * @param {string} libtorch
 * @returns {string | null} why CUDA can't run */
function loadIn(folder, libtorch) {
  const program = `
    const { loadFrom } = await import('./dist/lib/native/load.js')
    console.log(JSON.stringify(loadFrom([process.argv[1]]).cudaReason))`
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program, join(folder, 'Release')],
    { cwd: root, encoding: 'utf8', env: { ...process.env, LIBTORCH: libtorch } },
  )
  if (status !== 0)
    throw new SetupFailure(`the add-on could not be loaded: ${stderr}`, 'Run `npm run setup` first.')
  return JSON.parse(stdout)
}
