import { basename, isAbsolute, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../setup/paths.mjs'

/** ava's options that are followed by a value. */
const valued = /** @type {const} */ ({
  concurrency: { type: 'string', short: 'c' },
  config: { type: 'string' },
  match: { type: 'string', short: 'm', multiple: true },
  'node-arguments': { type: 'string' },
  timeout: { type: 'string', short: 'T' },
})

/** Tells the names of test files from the arguments that are for ava.
 * @param {string[]} words what follows `npm test --`
 * @returns {{ names: string[], flags: string[] }} */
export function splitArguments(words) {
  const { tokens } = parseArgs({ args: words, options: valued, strict: false, tokens: true })
  const names = new Set(tokens.flatMap(token => (token.kind === 'positional' ? [token.index] : [])))
  return {
    names: words.filter((_, i) => names.has(i)),
    flags: words.filter((_, i) => !names.has(i)),
  }
}

/** The test files that a name means: a path, a folder, the file's name with or without its ending, or a part of it.
 * @param {string} name
 * @param {string[]} files paths of test files in the package, such as `test/model/network.test.ts`
 * @returns {string[]} none if there is none */
export function findTests(name, files) {
  const path = (isAbsolute(name) ? relative(root, name) : name)
    .replace(/^(\.\/)?(dist\/)?/, '')
    .replace(/\.js$/, '.ts')
  const at = files.filter(file => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`))
  if (at.length > 0) return at
  const named = files.filter(file => [`${path}.test.ts`, `${path}.ts`, path].includes(basename(file)))
  return named.length > 0 ? named : files.filter(file => basename(file).includes(path))
}
