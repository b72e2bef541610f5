import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup/paths.mjs'

const compiled = join(root, 'dist', 'lib')

/** Runs one of the paper's evaluations as `iba evaluate`, after the set-up where nothing is compiled yet.
 * @param {string} script what it is called
 * @param {string} protocol of `iba evaluate`
 * @param {readonly string[]} names what its words mean, in their order
 * @param {{ full: readonly string[], test: readonly string[] }} sizes options of a run, and of one with `test` */
export async function runPaperScript(script, protocol, names, sizes) {
  const { words, isTest, options } = split(process.argv.slice(2), names.length)
  if (words.length < names.length) {
    const usage = names.map(name => `[${name}]`).join(' ')
    console.error(
      `Usage: ${script} ${usage} [test] [options of \`iba evaluate ${protocol}\`, such as --data FOLDER]`,
    )
    process.exit(2)
  }
  if (!existsSync(join(compiled, 'command', 'main.js'))) {
    const { status } = node([join(root, 'scripts', 'setup.mjs')])
    if (status !== 0) process.exit(status ?? 1)
  }
  const { findPaperMethod, paperMethods } = await import(join(compiled, 'reproduction', 'paper.js'))
  const name = words[names.indexOf('attribution')]
  const method = findPaperMethod(name ?? '')
  if (!method) {
    const known = paperMethods.map((/** @type {{ scriptName: string }} */ { scriptName }) => scriptName)
    console.error(`There is no attribution '${name}'. Expected one of: ${known.join(', ')}.`)
    process.exit(2)
  }
  const settings = { ...method.options, ...method.protocolOptions?.[protocol] }
  const tile = names.includes('tile size') ? ['--tile', String(words[names.indexOf('tile size')])] : []
  const data = options.includes('--data') ? [] : ['--data', join('data', 'imagenet')]
  const { status } = node([
    ...[join(compiled, 'command', 'main.js'), 'evaluate', protocol],
    ...['--model', String(words[0]), '--method', method.method],
    ...Object.entries(settings).flatMap(([option, value]) => ['--set', `${option}=${value}`]),
    ...[...tile, ...data, ...(isTest ? sizes.test : sizes.full), ...options],
  ])
  process.exit(status ?? 1)
}

/** The words before the first option: the script's own, and perhaps `test`.
 * @param {readonly string[]} all
 * @param {number} count */
function split(all, count) {
  const first = all.findIndex(word => word.startsWith('--'))
  const words = first === -1 ? all : all.slice(0, first)
  return {
    words: words.slice(0, count),
    isTest: words[count] === 'test',
    options: first === -1 ? [] : all.slice(first),
  }
}

/** @param {string[]} words */
function node(words) {
  return spawnSync(process.execPath, words, { stdio: 'inherit' })
}
