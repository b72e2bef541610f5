import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { root } from '../../scripts/setup/paths.mjs'
import { iba } from '../support/command.js'
import {
  commandsOf,
  documents,
  examplePages,
  isShown,
  layOutPrograms,
  readBlocks,
  readExamples,
} from '../support/documentation.js'
import { readersShell } from '../support/shell.js'

/** A folder with the demo's images and the programs of all pages. */
const folder = mkdtempSync(join(tmpdir(), 'iba-docs-'))
const run = readersShell(folder)
test.before(() => {
  symlinkSync(join(root, 'demo'), join(folder, 'demo'))
  layOutPrograms(folder, documents)
})
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

for (const document of documents) {
  for (const { command, output, line } of readExamples(document)) {
    test.serial(`${document}:${line}: ${command}`, t => {
      const { status, printed } = run(command, folder)
      t.is(status, 0, printed)
      t.true(isShown(output, printed), `printed:\n${printed}`)
    })
  }
}

test('commands in the documentation have the options that they are given', async t => {
  const commands = [...documents, ...examplePages].flatMap(document =>
    readBlocks(document).flatMap(({ text, line }) =>
      commandsOf(text).map(words => ({ words, place: `${document}:${line}` })),
    ),
  )
  t.true(commands.length > 20)
  const help = new Map<string, Promise<string>>()
  for (const { words, place } of commands) {
    const named = words.slice(
      0,
      /^(weights|evaluate)$/.test(words[0]!) && /^[a-z]/.test(words[1] ?? '') ? 2 : 1,
    )
    const key = named.join(' ')
    help.set(key, help.get(key) ?? iba([...named, '--help']).then(({ stdout }) => stdout))
    const known = await help.get(key)!
    t.true(known.includes(`iba ${key}`), `${place}: iba ${key}`)
    for (const flag of words.filter(word => word.startsWith('--')).map(word => word.split('=')[0]!))
      t.regex(known, new RegExp(`${flag}(?![\\w-])`), `${place}: iba ${words.join(' ')}`)
  }
})

test('files and folders that the map of the code names are there', t => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const paths = [...text.matchAll(/`((?:lib|scripts|test|docs|native\/(?:core|binding|loader))\/[\w./-]+)`/g)]
  t.true(paths.length > 20)
  for (const [, path] of paths) t.true(existsSync(join(root, path!)), path)
})

test('what a document shows is compared but for fractions, durations and what is left out', t => {
  t.true(isShown('a  2.5 s  12 images\n', 'a    2.75 s  12 images'))
  t.true(isShown('a\n…\nz 1 min 4 s', 'a\nb\nc\nz 2 min 11 s\n'))
  t.true(isShown('a\n…\nz', '0/3 images, 0.07 images/s, 9.1 s left\na\nz'))
  t.true(isShown('at …/cache (1.5)', 'at /home/ada/cache (10,123.25)'))
  t.false(isShown('12 images', '13 images'))
  t.false(isShown('a\nz', 'a\nb\nz'))
  t.deepEqual(
    commandsOf('$ iba layers a.pt2\nRANK=0 iba train-readout … & npx iba plot b \\\n  --out c # d'),
    [
      ['layers', 'a.pt2'],
      ['train-readout', '…'],
      ['plot', 'b', '--out', 'c'],
    ],
  )
})
