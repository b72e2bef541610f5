import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { addon } from '../../native/addon.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url)) // seen from dist/lib/evaluation/runs

/** The versions of what the numbers depend on. */
export function versions(): { package: string; node: string; libtorch: string } {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return { package: version, node: process.versions.node, libtorch: addon().describeRuntime().libtorch }
}

/** The git revision of the sources that this program was made from, with a + where they were changed since; null where
 * it was installed as a package. */
export async function revision(): Promise<string | null> {
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
