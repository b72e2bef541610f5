import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { readNpy, writeNpy } from '../../lib/index.js'
import { iba, makeFolder } from '../support/command.js'
import { relativeError } from '../support/family.js'
import { tokenReference as reference, towers } from '../support/tokens.js'

let folder: string
let remove: () => Promise<void>
const at = (...names: string[]) => join(folder, ...names)
test.before(async () => {
  ;({ folder, remove } = await makeFolder())
  await writeNpy(at('image.npy'), Float32Array.from(reference.imageFeatures), [16])
})
test.after.always(() => remove())

const ids = reference.texts[0]!.join()
const words = (...more: string[]) => [
  ...[
    'attribute',
    '--model',
    towers.text,
    '--output-kind',
    'embedding',
    '--device',
    'cpu',
    '--method',
    'm2ib',
  ],
  ...['--set', 'steps=3', '--target', `embedding:${at('image.npy')}`, ...more],
]

test.serial('attribute explains token ids, and shows their words', async t => {
  const texts = 'start,a,<b>,of,two,cats,end,end,end,end'
  const { code, stdout, stderr } = await iba(
    words('--tokens', ids, '--token-texts', texts, '--json', '--out', at('out')),
  )
  t.is(code, 0, stderr)
  const record = JSON.parse(stdout)
  t.deepEqual([record.input, record.unit, record.tokens.length], ['text', 'bits/token', 10])
  t.deepEqual(record.tokenTexts, texts.split(','))
  const sum = record.tokens.reduce((bits: number, value: number) => bits + value, 0)
  t.true(Math.abs(record.bits - sum) < 1e-3 * sum)
  t.deepEqual((await readNpy(record.files.map)).shape, [1, 10])
  const page = await readFile(record.files.picture, 'utf8')
  t.is(page.match(/class="token"/g)?.length, 10)
  t.true(page.includes('<b>&lt;b&gt;</b>') && page.includes('bits/token'))
  t.false(/<script|https?:/.test(page), 'the page holds all that it shows')
})

test.serial('a JSON file holds several texts', async t => {
  await writeFile(at('ids.json'), JSON.stringify(reference.texts.slice(0, 2)))
  const { code, stdout, stderr } = await iba(words('--tokens', at('ids.json'), '--out', at('several')))
  t.is(code, 0, stderr)
  t.regex(stdout, /^text +class .*\ntext\.0 .*text\.0\.html\ntext\.1 .*text\.1\.html\n$/)
  t.regex(await readFile(at('several', 'text.1.html'), 'utf8'), /<b>40<\/b>/)
})

test.serial('estimate learns from token ids what the per-sample bottleneck needs', async t => {
  await writeFile(at('all.json'), JSON.stringify(reference.texts))
  const file = at('text.safetensors')
  const estimating = ['estimate', '--model', towers.text, '--output-kind', 'embedding', '--device', 'cpu']
  const learnt = await iba([...estimating, '--tokens', at('all.json'), '--out', file])
  t.is(learnt.code, 0, learnt.stderr)
  t.regex(learnt.stdout, /layers\.2 \(10×24\), 6 texts, preset iba/)
  t.regex(learnt.stderr, /Statistics from 6 texts are rough/)
  const explaining = [
    ...words('--tokens', at('all.json'), '--json'),
    '--method',
    'per-sample',
    '--set',
    'sigma=0',
  ]
  const given = await iba([...explaining, '--statistics', file, '--out', at('given')])
  t.is(given.code, 0, given.stderr)
  const rough = await iba([...explaining, '--statistics', 'auto', '--out', at('rough')])
  t.is(rough.code, 0, rough.stderr)
  t.regex(rough.stderr, /learnt from the texts themselves/)
  const bits = (lines: string) =>
    lines
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).bits)
  t.is(bits(given.stdout).length, 6)
  // Of the same texts; a file rounds what it holds.
  t.true(relativeError(bits(rough.stdout), bits(given.stdout)) < 1e-6)
  for (const [more, message] of [
    [[], /--images is missing.*token ids with --tokens/],
    [['--images', folder, '--tokens', ids], /received both/],
    [['--images', folder], /takes token ids/],
    [['--tokens', ids], /at least 2 texts, but 1 could be read/],
  ] as const) {
    const { code, stderr } = await iba([...estimating, ...more, '--out', file])
    t.not(code, 0)
    t.regex(stderr, message)
  }
  const { stderr } = await iba(explaining)
  t.regex(
    stderr,
    /iba estimate .*--tokens IDS\.json .*--out .*--statistics auto learns rough ones from the texts/s,
  )
  const pictures = await iba([...explaining, '--images', folder])
  t.regex(pictures.stderr, /--images: the model takes texts/)
})

test.serial('what does not fit is wrong use', async t => {
  const wrong: [string[], RegExp][] = [
    [[], /There is nothing to explain/],
    [['cat.jpg', '--tokens', ids], /images or --tokens, but received both/],
    [['cat.jpg'], /takes token ids\. Give them with --tokens/],
    [['--tokens', '1,x'], /--tokens '1,x': expected token ids/],
    [['--tokens', ids, '--token-texts', 'a,b'], /expected 10 texts, one for each token id, but found 2/],
    [['--token-texts', 'a'], /Give these as well/],
    [['--tokens', ids, '--animate'], /--animate: texts/],
    [['--tokens', '1,2'], /has 2 token ids, but the network takes 10/],
  ]
  for (const [more, message] of wrong) {
    const { code, stderr } = await iba(words(...more, '--out', at('none')))
    t.is(code, 2, stderr)
    t.regex(stderr, message)
  }
})

test.serial('layers of a text model are listed without a size', async t => {
  const { code, stdout, stderr } = await iba(['layers', towers.text])
  t.is(code, 0, stderr)
  t.regex(stdout, /layers\.2 +CLIPEncoderLayer +10×24 +← default/)
})
