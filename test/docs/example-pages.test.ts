import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ownCache } from '../support/cache.js'
import {
  examplePages,
  isShown,
  layOutPrograms,
  readExamples,
  readPrograms,
} from '../support/documentation.js'
import { exampleFiles } from '../support/example-models.js'
import { readersShell } from '../support/shell.js'

const folder = mkdtempSync(join(tmpdir(), 'iba-pages-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const run = readersShell(folder, { ...ownCache(join(folder, 'cache')), IBA_THREADS: '1' })
const names = Object.keys(exampleFiles)
const pageOf = (name: string) => `docs/examples/${name}.md`

test.before(() => layOutPrograms(folder, []))

test('each page has files to begin with, and the other way round', t => {
  t.deepEqual(examplePages.toSorted(), names.map(pageOf).sort())
})

for (const name of names) {
  test.serial(`${pageOf(name)}: its commands and programs do what it shows`, async t => {
    const own = join(folder, name)
    mkdirSync(own)
    await exampleFiles[name]!(own)
    for (const { file, text } of readPrograms(pageOf(name))) writeFileSync(join(own, file), text)
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
