import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { require, root } from '../../scripts/setup/paths.mjs'
import { filesBelow } from '../../scripts/setup/stamp.mjs'
import { ownCache } from '../support/cache.js'
import { isShown, readBlocks, readExamples } from '../support/documentation.js'
import { exampleFiles } from '../support/example-models.js'
import { readersShell } from '../support/shell.js'

const folder = mkdtempSync(join(tmpdir(), 'iba-pages-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const run = readersShell(folder, { ...ownCache(join(folder, 'cache')), IBA_THREADS: '1' })
const names = Object.keys(exampleFiles)
const pageOf = (name: string) => `docs/examples/${name}.md`

/** The programs of a page: TypeScript that begins with the name of its file. */
function programsOf(name: string): { file: string; text: string }[] {
  return readBlocks(pageOf(name))
    .filter(({ language }) => language === 'ts')
    .map(({ text }) => ({ file: /^\/\/ (\S+\.mjs)\n/.exec(text)![1]!, text }))
}

test.before(() => {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  symlinkSync(root, join(modules, 'attribution-bottleneck'))
  for (const used of ['sharp', '@types']) symlinkSync(join(root, 'node_modules', used), join(modules, used))
})

test('each page has files to begin with, and the other way round', t => {
  const pages = filesBelow('docs/examples').filter(file => file.endsWith('.md'))
  t.deepEqual(pages.sort(), names.map(pageOf).sort())
})

for (const name of names) {
  test.serial(`${pageOf(name)}: its commands and programs do what it shows`, async t => {
    const own = join(folder, name)
    mkdirSync(own)
    await exampleFiles[name]!(own)
    for (const { file, text } of programsOf(name)) writeFileSync(join(own, file), text)
    const examples = readExamples(pageOf(name))
    t.true(examples.some(({ command }) => command.startsWith('iba ')))
    t.true(examples.some(({ command }) => command.startsWith('node ')))
    for (const { command, output } of examples) {
      const { status, printed } = run(command, own)
      t.is(status, 0, printed)
      t.true(isShown(output, printed), `${command} printed:\n${printed}`)
    }
  })
}

test('the programs of the pages have the types that they are checked for', t => {
  const files = names.flatMap(name =>
    programsOf(name).map(({ file, text }) => {
      const path = join(folder, `${name}-${file.replace('.mjs', '.mts')}`)
      writeFileSync(path, text)
      return path
    }),
  )
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022']
  const words = [compiler, ...options, '--types', 'node', ...files]
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8' })
  t.is(status, 0, stdout)
})
