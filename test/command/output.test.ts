import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { visibleLines } from '../../lib/command/output.js'
import { iba, makeFolder, writePicture } from '../support/command.js'

let folder: string
let removeFolder: () => Promise<void>
test.before(async () => {
  ;({ folder, remove: removeFolder } = await makeFolder())
})
test.after.always(() => removeFolder())

/** Everything but line ends that a terminal acts on. */
const acted = /[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u
const hostile = 'a\x1b[2J\u009b31m\u202egnp\niba: all is well.png'

test('names of files with escapes and line ends are spelled out, in tables, errors and JSON', async t => {
  const images = join(folder, 'images')
  await mkdir(images)
  await writePicture(join(images, 'plain.png'), 1)
  await writeFile(join(images, hostile), 'no picture')
  const words = ['attribute', images, '--model', 'demo', '--method', 'zero', '--out', join(folder, 'out')]
  for (const json of [[], ['--json']]) {
    const { code, stdout, stderr } = await iba([...words, ...json])
    t.is(code, 1)
    t.notRegex(stdout, acted)
    t.notRegex(stderr, acted)
    t.notRegex(stderr, /^iba: all is well/m, 'no line of it passes for one of ours')
    t.regex(stderr, /a\\x1b\[2J\\x9b31m\\u202egnp/)
  }
  await rm(images, { recursive: true })
})

test('metadata and names in a weight file are spelled out, and JSON of them reads as they are', async t => {
  const path = join(folder, 'hostile.safetensors')
  const header = Buffer.from(
    JSON.stringify({
      __metadata__: { [hostile]: hostile },
      [hostile]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    }),
  )
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  await writeFile(path, Buffer.concat([length, header, Buffer.alloc(4)]))
  const shown = await iba(['weights', 'inspect', path])
  t.is(shown.code, 0)
  t.notRegex(shown.stdout, acted)
  const json = await iba(['weights', 'inspect', path, '--json'])
  t.notRegex(json.stdout, acted)
  t.is(JSON.parse(json.stdout).metadata[hostile], hostile)
})

test('what was typed is spelled out where it is refused', async t => {
  for (const words of [
    ['attribute', 'x.png', '--model', hostile],
    ['attribute', 'x.png', `--${hostile}`],
    [hostile],
    ['attribute', 'x.png', '--model', 'demo', '--method', hostile],
    ['evaluate', 'degradation', '--model', 'demo', '--data', hostile],
    ['plot', hostile],
  ]) {
    const { code, stdout, stderr } = await iba(words)
    t.not(code, 0)
    t.notRegex(stdout + stderr, acted, words.join(' '))
    t.notRegex(stderr, /^iba: all is well/m)
  }
})

test('further lines of a message are indented, and those that are stay as they are', t => {
  t.is(visibleLines('first\nsecond\n  third\n'), 'first\n  second\n  third\n')
})
