import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import { readNpy } from '../../lib/index.js'
import { root } from '../../scripts/setup/paths.mjs'
import { ended, iba, makeFolder, network, startIba } from '../support/command.js'

const image = join(root, 'demo', 'images', '01-teapot.jpg')
const statistics = join(root, 'demo', 'statistics.safetensors')

let folder: string
let removeFolder: () => Promise<void>
test.before(async () => {
  ;({ folder, remove: removeFolder } = await makeFolder())
})
test.after.always(() => removeFolder())

/** Runs a command with a file as its standard input. */
async function fed(input: Uint8Array | string, words: readonly string[], env: Record<string, string> = {}) {
  const child = startIba(words, { env })
  child.stdin!.on('error', () => {})
  child.stdin!.end(input)
  return await ended(child)
}

test("'-' is an image of standard input, also as an array", async t => {
  const out = join(folder, 'images')
  const words = ['--method', 'gradient', '--model', 'demo', '--quiet', '--json', '--out', out]
  const fromFile = await iba(['attribute', image, ...words])
  const fromPipe = await fed(await readFile(image), ['attribute', '-', ...words])
  t.is(fromPipe.code, 0, fromPipe.stderr)
  const [expected, found] = [fromFile, fromPipe].map(({ stdout }) => JSON.parse(stdout))
  t.is(found.input, '-')
  t.is(found.files.map, join(out, 'stdin.npy'))
  const maps = await Promise.all([expected, found].map(({ files }) => readNpy(files.map)))
  t.deepEqual(maps[1], maps[0])

  const map = await readFile(found.files.map)
  const refused = await fed(map, ['attribute', '-', ...words])
  t.is(refused.code, 1)
  t.regex(refused.stderr, /array of shape \(224, 224\)/, 'it is read as an array')
})

test("'-' is any other file that is read, once", async t => {
  const inspected = await fed(await readFile(statistics), ['weights', 'inspect', '-', '--json'])
  t.is(inspected.code, 0, inspected.stderr)
  const { file, ...told } = JSON.parse(inspected.stdout)
  const { file: path, ...expected } = JSON.parse(
    (await iba(['weights', 'inspect', statistics, '--json'])).stdout,
  )
  t.deepEqual([file, path], ['-', statistics])
  t.deepEqual(told, expected)

  const words = ['attribute', '-', '--model', 'demo', '--classes', '-']
  const twice = await fed('', words)
  t.is(twice.code, 2)
  t.regex(twice.stderr, /standard input can be read once/)
})

test("'--out -' is standard output, and what is said goes to standard error", async t => {
  const images = join(root, 'demo', 'images')
  const words = ['estimate', ...network, '--images', images]
  const file = join(folder, 'statistics.safetensors')
  t.is((await iba([...words, '-o', file])).code, 0)
  const child = startIba([...words, '--out', '-'])
  const pieces: Buffer[] = []
  child.stdout!.on('data', piece => pieces.push(piece))
  let stderr = ''
  child.stderr!.on('data', text => (stderr += text))
  t.is(await new Promise(resolve => child.on('close', resolve)), 0, stderr)
  t.regex(stderr, /^-: layer2 .*12 images/m)
  t.true(Buffer.concat(pieces).equals(await readFile(file)))

  const log = `${JSON.stringify({ kind: 'interval', step: 1, images: 2, loss: 1, crossEntropy: 1, information: 1, bits: 1, accuracy: 0 })}\n`
  const plotted = await fed(log, ['plot', '-', '--out', '-', '--json'])
  t.is(plotted.code, 0, plotted.stderr)
  t.regex(plotted.stdout, /^<svg[\s\S]*<\/svg>\s*$/)
  t.deepEqual(JSON.parse(plotted.stderr), { file: '-', records: 1, steps: 1 })

  const tooLittle = await iba(['compare', image, '--model', 'demo', '--out', '-', '--html'])
  t.is(tooLittle.code, 2)
  t.regex(tooLittle.stderr, /--html: give the name of the page/)
})

test('colours are where they are asked for, and nowhere else', async t => {
  const colour = '\u001b['
  const words = [['--help'], ['models'], ['attribute', '--nothing'], ['nothing']]
  for (const each of words) {
    const plain = await iba(each)
    t.false((plain.stdout + plain.stderr).includes(colour), each.join(' '))
    const colored = await iba(each, { env: { FORCE_COLOR: '1' } })
    t.true((colored.stdout + colored.stderr).includes(colour), each.join(' '))
    const removed = (text: string) => stripVTControlCharacters(text)
    t.is(removed(colored.stdout), plain.stdout)
    t.is(removed(colored.stderr), plain.stderr)
    const refused = await iba(each, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })
    t.deepEqual(refused, plain)
  }
})

test('every command takes --json, but those whose output is for machines already', async t => {
  const { stdout } = await iba(['--help'])
  const commands = [...stdout.matchAll(/^ {2}([a-z][a-z-]+) /gm)].map(([, name]) => name!)
  const without: string[] = []
  for (const command of commands.filter(name => name !== 'iba')) {
    const help = await iba([command, '--help'])
    if (!/^ {2}--json/m.test(help.stdout)) without.push(command)
  }
  // Evaluations and weights have commands below them, the log of the server is JSON, and a script is no value.
  t.deepEqual(without, ['serve', 'evaluate', 'weights', 'completion', 'help'])
})
