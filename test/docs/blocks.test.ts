import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import * as library from '../../lib/index.js'
import { ownManifest } from '../../scripts/release/manifests.mjs'
import { require, root } from '../../scripts/setup/paths.mjs'
import { filesBelow } from '../../scripts/setup/stamp.mjs'
import { iba } from '../support/command.js'
import {
  type Block,
  documents,
  examplePages,
  layOutPrograms,
  readBlocks,
  readExamples,
  readPrograms,
} from '../support/documentation.js'

const folder = mkdtempSync(join(tmpdir(), 'iba-blocks-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const pages = [...documents, ...examplePages]
const blocks = pages.flatMap(page =>
  readBlocks(page).map(block => ({ ...block, place: `${page}:${block.line}` })),
)
const of = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language))

/** How blocks of each language are tested; `text` is what something prints, or a file's content. */
const tested = ['console', 'sh', 'ts', 'js', 'json', 'python', 'py', 'cpp', 'yaml', 'text']

test('every block says in which language it is, and there is a test for it', t => {
  t.true(blocks.length > 80)
  for (const { language, place } of blocks) t.true(tested.includes(language), `${place}: '${language}'`)
})

test('a program that a page shows is run by one of its examples', t => {
  for (const page of pages) {
    const commands = readExamples(page).map(({ command }) => command)
    for (const { file } of readPrograms(page)) t.true(commands.includes(`node ${file}`), `${page}: ${file}`)
  }
})

test('commands that are not run name scripts and files that are there, and are no nonsense to a shell', t => {
  const { scripts } = ownManifest()
  for (const { place, text } of of('sh')) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })
    t.is(status, 0, `${place}: ${stderr}`)
    for (const [, name = ''] of text.matchAll(/npm run (\w[\w:-]*\w)/g))
      t.true(name in scripts, `${place}: ${name}`)
    for (const [, file = ''] of text.matchAll(
      /(?:^|\s)((?:scripts|docs|demo)\/[\w./-]+\.\w+|scripts\/[\w-]+)/g,
    ))
      t.true(existsSync(join(root, file)), `${place}: ${file}`)
    for (const [, file = ''] of text.matchAll(/node dist\/([\w./-]+)\.js/g))
      t.true(existsSync(join(root, `${file}.ts`)), `${place}: ${file}`)
  }
})

test('YAML gives options that there are', async t => {
  for (const { place, text } of of('yaml')) {
    const [, name, words] = /\[iba, ([\w-]+),([^\]]*)\]/.exec(text) ?? []
    const { stdout } = await iba([name!, '--help'])
    for (const [flag] of words!.matchAll(/--[a-z-]+/g)) t.true(stdout.includes(flag), `${place}: ${flag}`)
  }
})

test('programs have the types that they are used with', t => {
  layOutPrograms(folder, [])
  const given = join(folder, 'given.d.mts')
  writeFileSync(given, ofTheReader)
  // Other tools' files are run by their own test.
  const programs = of('ts', 'js').filter(({ place }) => !place.startsWith('docs/integrations.md'))
  const files = programs.map(({ text }, i) => {
    const path = join(folder, `block-${i}.mts`)
    writeFileSync(path, /^import /m.test(text) ? text : `${everything}${text}`)
    return path
  })
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022']
  const lib = ['--lib', 'es2023,esnext.disposable', '--types', 'node']
  const { status, stdout } = spawnSync(process.execPath, [compiler, ...options, ...lib, given, ...files], {
    cwd: folder,
    encoding: 'utf8',
  })
  const named = stdout.replace(/block-(\d+)\.mts/g, (_, i) => programs[Number(i)]!.place)
  t.is(status, 0, named)
})

/** What pages take from the program that a part of it is in. */
const ofTheReader = `
import type { FastifyInstance } from 'fastify'
declare global {
  var model: import('attribution-bottleneck').Model
  var signal: AbortSignal
  var app: FastifyInstance
}
declare module 'fastify' {
  interface FastifyRequest { user: { id: string } }
}
`

/** A block without imports goes on from one that has them. */
const everything = `import { ${Object.keys(library).join(', ')} } from 'attribution-bottleneck'\n`

test('JSON is JSON', t => {
  for (const { place, text } of of('json')) t.notThrows(() => JSON.parse(text), place)
})

test('Python is Python', t => {
  const check = 'import ast, sys; ast.parse(sys.stdin.read())'
  if (spawnSync('python3', ['--version']).status !== 0) return t.pass()
  for (const { place, text } of of('python', 'py')) {
    const input = text.replace(/^…$/m, '...')
    const { status, stderr } = spawnSync('python3', ['-c', check], { input, encoding: 'utf8' })
    t.is(status, 0, `${place}: ${stderr}`)
  }
})

test('C++ speaks of what the core has', t => {
  const core = filesBelow('native/core').map(file => readFileSync(join(root, file), 'utf8'))
  const known = new Set(core.flatMap(text => text.match(/\w+/g) ?? []))
  const unknown = of('cpp').flatMap(({ place, text }: Block & { place: string }) =>
    (text.replace(/\/\/.*/g, '').match(/\b[A-Za-z_]\w{3,}\b/g) ?? [])
      .filter(name => !known.has(name))
      .map(name => `${place}: ${name}`),
  )
  t.deepEqual(unknown, [])
})
