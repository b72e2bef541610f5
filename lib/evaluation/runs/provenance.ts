import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageVersion } from '../../foundation/package-version.js'
import { addon } from '../../native/addon.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url)) // seen from dist/lib/evaluation/runs

/** The versions of what the numbers depend on. */
export function versions(): { package: string; node: string; libtorch: string } {
  return {
    package: packageVersion(),
    node: process.versions.node,
    libtorch: addon().describeRuntime().libtorch,
  }
}

/** The git revision of the sources that this program was made from, with a + where they were changed since; null where
 * it was installed as a package. It is looked up once. */
export async function revision(): Promise<string | null> {
  known ??= findRevision()
  return await known
}

let known: Promise<string | null> | undefined

async function findRevision(): Promise<string | null> {
  if (!existsSync(join(root, '.git'))) return null
  const git = async (...words: string[]) =>
    (await promisify(execFile)('git', ['-C', root, ...words])).stdout.trim()
  try {
    const changed = await git('status', '--porcelain', '--untracked-files=no')
    return `${await git('rev-parse', 'HEAD')}${changed === '' ? '' : '+'}`
  } catch {
    return null
  }
}
