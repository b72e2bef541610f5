import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root } from '../../scripts/setup/paths.mjs'

/** What a command of the documentation ended with; what it printed has stderr in it. */
export interface Shown {
  status: number | null
  printed: string
}

/** Has commands run as a reader would run them, with `iba` and this Node on the PATH.
 * @param folder where the two are put */
export function readersShell(folder: string, environment: Readonly<Record<string, string>> = {}) {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const main = join(root, 'dist', 'lib', 'command', 'main.js')
  writeFileSync(join(bin, 'iba'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 })
  symlinkSync(process.execPath, join(bin, 'node'))
  const env = { ...process.env, ...environment, PATH: `${bin}${delimiter}${process.env.PATH}` }
  return (command: string, cwd: string): Shown => {
    const { stdout, status } = spawnSync('sh', ['-c', `${command} 2>&1`], { cwd, env, encoding: 'utf8' })
    return { status, printed: stdout }
  }
}
