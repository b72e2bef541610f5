import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { libraryFile } from '../../lib/native/find-libtorch.mjs'

export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'iba-setup-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Empty files where LibTorch's would be. */
export function fakeLibTorch(folder: string, version: string, { headers = true, cuda = false } = {}): string {
  mkdirSync(join(folder, 'lib'), { recursive: true })
  const libraries = ['c10', 'torch_cpu', ...(cuda ? ['torch_cuda'] : [])]
  for (const name of libraries) writeFileSync(join(folder, 'lib', libraryFile(name)), '')
  writeFileSync(join(folder, 'version.py'), `__version__ = '${version}+cpu'\ncuda: Optional[str] = '13.0'\n`)
  const include = join(folder, 'include', 'torch', 'csrc', 'api', 'include', 'torch')
  if (headers) mkdirSync(include, { recursive: true })
  if (headers) writeFileSync(join(include, 'torch.h'), '')
  return folder
}

/** A PATH whose python3 prints a folder, as ours does when asked for torch. */
export function fakePython(folder: string, torch: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'python3'), `#!/bin/sh\necho '${torch}'\n`, { mode: 0o755 })
  return `${folder}${delimiter}/usr/bin${delimiter}/bin`
}

/** A PATH with some programs only. */
export function pathWith(folder: string, programs: string[]): string {
  mkdirSync(folder, { recursive: true })
  for (const name of programs) {
    const found = ['/usr/local/bin', '/usr/bin', '/bin'].map(bin => join(bin, name)).find(existsSync)
    if (found) symlinkSync(found, join(folder, name))
  }
  return folder
}

export async function failureOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof SetupFailure) return error.message
    throw error
  }
  throw new Error('did not fail')
}
