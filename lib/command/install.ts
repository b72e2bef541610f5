import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Command } from 'commander'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { fetchBindings } from '../install/bindings.mjs'
import { diskFull, SetupFailure } from '../install/failure.mjs'
import { fetchLibTorch } from '../install/fetch-libtorch.mjs'
import { checkMachine } from '../install/platform.mjs'
import { defaultVersion, minorOf, versionFor } from '../install/releases.mjs'
import { findBuiltFiles } from '../native/built-files.mjs'
import { findLibTorch, type LibTorch, listAttempts } from '../native/find-libtorch.mjs'
import { describeInstallation } from '../native/load.js'
import { packageRoot, projectStore } from '../native/packages.mjs'
import { addJsonOption } from './common-options.js'
import { IncompleteError, UsageError } from './exit.js'
import { note, printJson } from './output.js'

interface Flags {
  cuda?: boolean
  project?: boolean
  fromSource?: boolean
  json?: boolean
}

/** Adds `iba install`. */
export function addInstall(program: Command): void {
  const command = program
    .command('install')
    .summary('fetch LibTorch, and whatever else is missing')
    .description(
      'Looks for a LibTorch that the native part fits, and fetches one where there is none: checked against its hash, ' +
        'continued where an earlier try broke off. It takes no compiler, no Python and no unzip. IBA_CACHE names ' +
        'the folder that it goes to, IBA_LIBTORCH_VERSION another version.',
    )
    .option('--cuda', 'a LibTorch that computes on NVIDIA GPUs (several GB)')
    .option(
      '--project',
      "into the project's node_modules, which other users and later stages of a container see",
    )
    .option(
      '--from-source',
      'build the native part for the LibTorch that is found; takes CMake and a C++ compiler',
    )
  addJsonOption(command).action(install)
}

async function install({
  cuda = false,
  project = false,
  fromSource = false,
  json = false,
}: Flags): Promise<void> {
  try {
    checkMachine()
    const store = chosenStore(project)
    if (fromSource) build()
    else if (findBuiltFiles().bindings.size === 0) await fetchBindings(store)
    if (fits(cuda).libtorch === null) await fetchFitting(store, cuda)
  } catch (error) {
    const failure = diskFull(error) ?? error
    if (failure instanceof SetupFailure) throw new IncompleteError(failure.message, { cause: error })
    throw error
  }
  report(cuda, json)
}

function chosenStore(project: boolean): string {
  if (!project) return cacheFolder()
  const store = projectStore()
  if (store === null) throw new UsageError(`--project: ${packageRoot} is in no node_modules`)
  return store
}

/** A LibTorch that there is a binding for. */
function fits(cuda: boolean) {
  const { bindings } = findBuiltFiles()
  return findLibTorch({
    refuse(libtorch) {
      if (!bindings.has(libtorch.minor)) return `no binding is there for LibTorch ${libtorch.minor}`
      return cuda && !libtorch.cuda ? 'was built without CUDA' : null
    },
  })
}

async function fetchFitting(store: string, cuda: boolean): Promise<void> {
  const minors = [...findBuiltFiles().bindings.keys()]
  if (process.env.LIBTORCH) {
    throw new SetupFailure(
      `the LibTorch that LIBTORCH names can't be used:\n${listAttempts(fits(cuda).tried)}`,
      `Let it name a folder with LibTorch ${minors.join(' or ')}, or unset it.`,
    )
  }
  const version = process.env.IBA_LIBTORCH_VERSION || (versionFor(minors) ?? defaultVersion)
  if (!minors.includes(minorOf(version))) {
    throw new SetupFailure(
      `there is no binding for LibTorch ${version}, only for ${minors.join(' and ')}`,
      'Let IBA_LIBTORCH_VERSION name one of these, or add --from-source.',
    )
  }
  await fetchLibTorch(version, store, undefined, { headers: false, cuda })
}

function build(): void {
  const script = join(packageRoot, 'scripts', 'setup', 'build-installed.mjs')
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) throw new IncompleteError('The native part was not built; the reason is above.')
}

/** Loads what was installed, which is the proof that it works. */
function report(cuda: boolean, json: boolean): void {
  const installation = describeInstallation()
  const { libtorch, problem, cudaReason } = installation
  if (problem !== null) throw new IncompleteError(`The native add-on can't be loaded.\n${problem}`)
  const { version, folder } = libtorch as LibTorch
  note(`Ready, with LibTorch ${version} in ${folder}.`)
  if (json) printJson(installation)
  if (!cuda) return
  if (!libtorch?.cuda)
    throw new IncompleteError(
      `This LibTorch comes first and has no CUDA. Remove it, or let LIBTORCH name the one that was fetched.`,
    )
  if (cudaReason !== null) note(`CUDA can't run: ${cudaReason}.`)
}
