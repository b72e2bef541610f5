// Checks, or with --write puts right, the layout of the native sources.
import { spawnSync } from 'node:child_process'
import { require, root } from './paths.mjs'
import { filesBelow } from './stamp.mjs'

process.exitCode = formatNative(process.argv.includes('--write'))

/** @param {boolean} write
 * @returns {number} the exit status */
function formatNative(write) {
  const program = clangFormat()
  if (!program) {
    process.stderr.write('clang-format has no build for this platform: the native layout is not checked\n')
    return 0
  }
  const files = filesBelow('native').filter(file => /\.(h|cc|c)$/.test(file))
  const mode = write ? ['-i'] : ['--dry-run', '-Werror']
  const { status } = spawnSync(program, [...mode, ...files], { cwd: root, stdio: 'inherit' })
  if (status !== 0 && !write) process.stderr.write('`npm run format` puts the layout right\n')
  return status ?? 1
}

/** @returns {string | null} */
function clangFormat() {
  try {
    return require('clang-format').getNativeBinary()
  } catch {
    return null
  }
}
