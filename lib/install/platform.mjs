import { SetupFailure } from './failure.mjs'

/** Node versions that the tools of the source tree run on: the oldest minor of each line. */
const lines = /** @type {Record<number, number>} */ ({ 20: 19, 22: 20 })
const newest = { major: 24, minor: 12 }

/** @typedef {{ platform: string, arch: string, musl: boolean, node: string }} Machine */

/** @returns {Machine} */
export function thisMachine() {
  const { platform, arch, versions } = process
  return { platform, arch, musl: platform === 'linux' && !runsOnGlibc(), node: versions.node }
}

/** Refuses machines that this package can't be built and tested on.
 * @param {Machine} [machine] */
export function checkPlatform(machine = thisMachine()) {
  if (!supportsTools(machine.node))
    throw new SetupFailure(
      `Node ${machine.node} is not supported by the tools that build and test the source tree`,
      'Install Node 20.19, 22.20, 24.12 or any later version of these lines.',
    )
  checkMachine(machine)
}

/** Refuses machines that LibTorch's builds don't run on.
 * @param {Machine} [machine] */
export function checkMachine({ platform, arch, musl } = thisMachine()) {
  if (platform === 'win32')
    throw new SetupFailure(
      'Windows is not supported',
      'Use the Windows Subsystem for Linux, or a Linux container.',
    )
  if (platform !== 'linux' && platform !== 'darwin')
    throw new SetupFailure(`the platform ${platform} is not supported`, 'Use Linux with glibc, or macOS.')
  if (musl)
    throw new SetupFailure(
      'this Linux has musl instead of glibc, and LibTorch is only built for glibc',
      'Use a glibc distribution such as Debian, Ubuntu or Fedora; in containers, node:22-bookworm instead of node:22-alpine.',
    )
  if (platform === 'darwin' && arch !== 'arm64')
    throw new SetupFailure(
      'LibTorch is no longer built for Macs with Intel processors',
      'Use a Mac with Apple silicon, or Linux.',
    )
}

/** @param {string} version */
function supportsTools(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > newest.major) return true
  if (major === newest.major) return minor >= newest.minor
  const oldest = lines[major]
  return oldest !== undefined && minor >= oldest
}

/** Node's own report names the glibc it runs on; under musl there is none. */
function runsOnGlibc() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (
    process.report?.getReport() ?? {}
  )
  return Boolean(report.header?.glibcVersionRuntime)
}
