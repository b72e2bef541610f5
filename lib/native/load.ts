import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { NativeError } from '../foundation/errors.js'
import { isError } from '../foundation/realms.js'
import { type BuiltFiles, builtFolders, findBuiltFiles } from './built-files.mjs'
import { type Attempt, findLibTorch, type LibTorch, libraryFile, listAttempts } from './find-libtorch.mjs'
import { installCommand } from './packages.mjs'

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
  loadBinding(path: string): unknown
}

const remedy = `\`${installCommand()}\` puts it right.`

let loaded: LoadedAddon | undefined

/** Finds LibTorch, opens it and loads the native add-on: once, later calls get the same.
 * @throws NativeError if LibTorch or the add-on is missing, broken, or made for another version */
export function loadAddon(): LoadedAddon {
  loaded ??= loadFrom(builtFolders())
  return loaded
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
  const files = findBuiltFiles(folders)
  if (!files.loader || files.bindings.size === 0)
    throw new NativeError(
      `The native add-on is not there: looked for it in\n${folders.map(indent).join('\n')}\n${remedy}`,
    )
  const { libtorch, tried } = findLibTorch({ refuse: found => otherMinor(found, files) })
  if (!libtorch)
    throw new NativeError(`No LibTorch that fits was found. Tried:\n${listAttempts(tried)}\n${remedy}`)

  // Activations in huge pages: a map of ResNet-50 takes about 5 % less time. LibTorch reads it as it allocates.
  process.env.THP_MEM_ALLOC_ENABLE ??= '1'
  // What goes wrong is told by our errors; LibTorch's own warnings would put a stack of its functions before them.
  process.env.TORCH_CPP_LOG_LEVEL ??= 'ERROR'
  const loader = openLoader(files.loader)
  const cudaReason = openLibTorch(loader, libtorch)
  const path = files.bindings.get(libtorch.minor)!
  try {
    return { addon: loader.loadBinding(path), libtorch, cudaReason, path }
  } catch (error) {
    throw new NativeError(`${path} could not be loaded: ${textOf(error)}\n${remedy}`, { cause: error })
  }
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
    throw new NativeError(`${path} could not be loaded: ${textOf(error)}\n${remedy}`, { cause: error })
  }
}

/** Opens LibTorch's libraries for everyone (RTLD_GLOBAL), so that the binding finds them without knowing a folder.
 * CUDA is registered only if its part is opened before any other use of LibTorch.
 * @returns why CUDA can't be used, or null */
function openLibTorch(loader: Loader, libtorch: LibTorch): string | null {
  const open = (name: string) => loader.open(join(libtorch.folder, 'lib', name), true)
  try {
    for (const name of cudaRuntime(libtorch)) open(name)
    open(libraryFile('c10'))
    const cudaReason = openCuda(loader, libtorch)
    open(libraryFile('torch_cpu'))
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

function openCuda(loader: Loader, { folder, version, cuda }: LibTorch): string | null {
  if (process.env.IBA_DEVICE === 'cpu') return 'IBA_DEVICE=cpu rules it out'
  if (!cuda) return `LibTorch ${version} in ${folder} was built without CUDA`
  try {
    loader.open('libcuda.so.1', true)
  } catch (error) {
    return `no NVIDIA driver was found (${textOf(error)})`
  }
  try {
    loader.open(join(folder, 'lib', libraryFile('torch_cuda')), true)
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
