import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import * as library from '../../lib/index.js'
import * as server from '../../lib/server/index.js'
import { buildFolder, root } from '../../scripts/setup/paths.mjs'

/** What typedoc says of doc comments and of types that aren't exported. The compiler has checked the types already. */
function checkComments(more: readonly string[] = []) {
  const words = ['--prefix', 'docs/site', 'run', 'check-comments', '--', ...more]
  const { status, stdout, stderr } = spawnSync('npm', words, { cwd: root, encoding: 'utf8' })
  return { status, printed: stripVTControlCharacters(stdout + stderr) }
}

test('every public name, and every member of it, has a doc comment, and every type that it speaks of is exported', t => {
  const { status, printed } = checkComments()
  t.is(status, 0, printed)
})

test('a name without a doc comment and a type that is not exported are found', t => {
  // In the repository: what lies outside of it isn't asked for comments.
  const folder = mkdtempSync(join(buildFolder, 'reference-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write(
    'index.ts',
    'interface Hidden {\n  of: string\n}\n' +
      '/** Options. */\nexport interface Options {\n  /** Documented. */\n  one: Hidden\n  two: number\n}\n' +
      'export const bare = 1\n',
  )
  write('tsconfig.json', '{ "compilerOptions": { "target": "es2022", "types": [] }, "files": ["index.ts"] }')
  const settings = { extends: [join(root, 'docs', 'site', 'typedoc.json')], entryPoints: ['index.ts'] }
  write('typedoc.json', JSON.stringify({ ...settings, tsconfig: 'tsconfig.json' }))
  const { status, printed } = checkComments(['--options', join(folder, 'typedoc.json')])
  t.not(status, 0)
  for (const found of [/Hidden, defined in .* is referenced by/, /Options\.two/, /bare/])
    t.regex(printed, found)
  t.notRegex(printed, /Options\.one \(/)
})

test('the page of the API names every function and value', t => {
  const text = readFileSync(join(root, 'docs', 'api.md'), 'utf8')
  const names = Object.keys({ ...library, ...server }).filter(name => !name.endsWith('Error'))
  t.true(names.length > 60)
  t.deepEqual(
    names.filter(name => !new RegExp(`\\b${name}\\b`).test(text)),
    [],
  )
})
