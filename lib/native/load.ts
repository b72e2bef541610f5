import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { tellLoad } from '../foundation/diagnostics.js'
import { NativeError } from '../foundation/errors.js'
import { isError } from '../foundation/realms.js'
import { atOnce, elsewhere, type Step, type Stepwise } from '../foundation/steps.mjs'
import { type BuiltFiles, builtFolders, findBuiltFiles } from './built-files.mjs'
import {
  type Attempt,
  type Found,
  findLibTorch,
  type LibTorch,
  libraryFile,
  listAttempts,
  searching,
} from './find-libtorch.mjs'
import { installCommand, isArchived } from './packages.mjs'

/** The native add-on, and the LibTorch that it runs on. */
export interface LoadedAddon {
  /** What the binding exports. */
  addon: unknown
  libtorch: LibTorch
  /** Why CUDA is out of the question in this process; null if LibTorch's CUDA part was opened. */
  cudaReason: string | null
  /** The binding's file. */
  path: string
}

/** What there is to say about an installation, whether or not it works. */
export interface Installation {
  node: string
  platform: string
  addon: string | null
  libtorch: LibTorch | null
  /** Places that were looked at before, or instead of, the one that was taken. */
  tried: Attempt[]
  cudaReason: string | null
  /** Why the add-on can't be loaded; null if it can. */
  problem: string | null
}

/** What native/loader/loader.c exports. */
interface Loader {
  open(path: string, global: boolean): void
  openOnThread(path: string, global: boolean): Promise<void>
  loadBinding(path: string): unknown
}

const remedy = isArchived()
  ? 'Have attribution-bottleneck and @attribution-bottleneck unpacked from the archive: docs/integrations.md shows how.'
  : `\`${installCommand()}\` puts it right.`

let loaded: LoadedAddon | undefined
let opening: Promise<Opened> | undefined

/** Finds LibTorch, opens it and loads the native add-on: once, later calls get the same.
 * @throws NativeError if LibTorch or the add-on is missing, broken, or made for another version */
export function loadAddon(): LoadedAddon {
  if (!loaded) {
    const started = performance.now()
    loaded = loadFrom(builtFolders())
    tellLoad('addon', loaded.path, started)
  }
  return loaded
}

/** As `loadAddon`, while the event loop goes on: python3 is asked and libraries are opened by others, which takes half a
 * second where their files are in memory and much more where they aren't.
 * @throws NativeError */
export async function loadAddonElsewhere(): Promise<LoadedAddon> {
  if (loaded) return loaded
  const started = performance.now()
  opening ??= elsewhere(open(builtFolders()))
  try {
    const opened = await opening
    // Somebody may not have waited: the binding is made once for each thread of JavaScript's.
    if (!loaded) {
      loaded = bind(opened)
      tellLoad('addon', loaded.path, started)
    }
    return loaded
  } finally {
    opening = undefined
  }
}

/** Describes the installation without failing, for `iba doctor`. */
export function describeInstallation(): Installation {
  const node = process.versions.node
  const platform = `${process.platform}-${process.arch}`
  const files = findBuiltFiles(builtFolders())
  const { libtorch, tried } = findLibTorch({ refuse: found => otherMinor(found, files) })
  try {
    const { path, cudaReason } = loadAddon()
    return { node, platform, addon: path, libtorch, tried, cudaReason, problem: null }
  } catch (error) {
    return { node, platform, addon: null, libtorch, tried, cudaReason: null, problem: textOf(error) }
  }
}

/** As `loadAddon`, from given folders: for checks of other builds.
 * @throws NativeError */
export function loadFrom(folders: string[]): LoadedAddon {
  return bind(atOnce(open(folders)))
}

/** What was found, with all libraries open. */
interface Opened extends Omit<LoadedAddon, 'addon'> {
  loader: Loader
}

function* open(folders: string[]): Stepwise<Opened> {
  const files = findBuiltFiles(folders)
  if (!files.loader || files.bindings.size === 0)
    throw new NativeError(
      `The native add-on is not there: looked for it in\n${folders.map(indent).join('\n')}\n${remedy}`,
    )
  const { libtorch, tried }: Found = yield* searching({ refuse: found => otherMinor(found, files) })
  if (!libtorch)
    throw new NativeError(`No LibTorch that fits was found. Tried:\n${listAttempts(tried)}\n${remedy}`)

  // Activations in huge pages: a map of ResNet-50 takes about 5 % less time. LibTorch reads it as it allocates.
  process.env.THP_MEM_ALLOC_ENABLE ??= '1'
  // What goes wrong is told by our errors; LibTorch's own warnings would put a stack of its functions before them.
  process.env.TORCH_CPP_LOG_LEVEL ??= 'ERROR'
  const loader = openLoader(files.loader)
  const cudaReason = yield* openLibTorch(loader, libtorch)
  const path = files.bindings.get(libtorch.minor)!
  try {
    yield library(loader, path, false)
  } catch (error) {
    throw notLoaded(path, error)
  }
  return { loader, path, libtorch, cudaReason }
}

/** Makes the binding for this thread of JavaScript's. */
function bind({ loader, path, ...opened }: Opened): LoadedAddon {
  try {
    return { addon: loader.loadBinding(path), path, ...opened }
  } catch (error) {
    throw notLoaded(path, error)
  }
}

function notLoaded(path: string, error: unknown): NativeError {
  return new NativeError(`${path} could not be loaded: ${textOf(error)}\n${remedy}`, { cause: error })
}

/** LibTorch's C++ interface changes between minor versions: a binding for another one would crash. */
function otherMinor({ version, minor, folder }: LibTorch, { bindings }: BuiltFiles): string | null {
  if (bindings.has(minor)) return null
  const built = [...bindings.keys()].join(' and ') || 'no version'
  return `the native add-on is built for LibTorch ${built}, found ${version} at ${folder}`
}

function openLoader(path: string): Loader {
  try {
    return createRequire(import.meta.url)(path)
  } catch (error) {
    throw notLoaded(path, error)
  }
}

/** A shared library, which stays open. Any thread may open one. */
function library(loader: Loader, path: string, global: boolean): Step<void> {
  return {
    atOnce: () => loader.open(path, global),
    elsewhere: () => loader.openOnThread(path, global),
  }
}

/** Opens LibTorch's libraries for everyone (RTLD_GLOBAL), so that the binding finds them without knowing a folder.
 * CUDA is registered only if its part is opened before any other use of LibTorch.
 * @returns why CUDA can't be used, or null */
function* openLibTorch(loader: Loader, libtorch: LibTorch): Stepwise<string | null> {
  const named = (name: string) => library(loader, join(libtorch.folder, 'lib', name), true)
  try {
    for (const name of cudaRuntime(libtorch)) yield named(name)
    yield named(libraryFile('c10'))
    const cudaReason = yield* openCuda(loader, libtorch)
    yield named(libraryFile('torch_cpu'))
    return cudaReason
  } catch (error) {
    throw new NativeError(
      `LibTorch ${libtorch.version} in ${libtorch.folder} could not be opened: ${textOf(error)}\n` +
        `Reinstall it, or let LIBTORCH name another one. ${remedy}`,
      { cause: error },
    )
  }
}

/** Two libraries of NVIDIA that even the processor's part of a CUDA build needs; the set-up puts them beside it. */
function cudaRuntime({ folder, cuda }: LibTorch): string[] {
  return cuda ? readdirSync(join(folder, 'lib')).filter(name => /^libcu(dart|pti)\.so\.\d+$/.test(name)) : []
}

function* openCuda(loader: Loader, { folder, version, cuda }: LibTorch): Stepwise<string | null> {
  if (process.env.IBA_DEVICE === 'cpu') return 'IBA_DEVICE=cpu rules it out'
  if (!cuda) return `LibTorch ${version} in ${folder} was built without CUDA`
  try {
    yield library(loader, process.platform === 'win32' ? 'nvcuda.dll' : 'libcuda.so.1', true)
  } catch (error) {
    return `no NVIDIA driver was found (${textOf(error)})`
  }
  try {
    yield library(loader, join(folder, 'lib', libraryFile('torch_cuda')), true)
    return null
  } catch (error) {
    return `LibTorch's CUDA part could not be opened (${textOf(error)})`
  }
}

function textOf(error: unknown): string {
  return isError(error) ? error.message : String(error)
}

function indent(line: string): string {
  return `  ${line}`
}
