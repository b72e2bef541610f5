import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { crc32c } from '../../lib/foundation/hash.js'
import { renderCurves } from '../../lib/training/curves.js'
import { readLog } from '../../lib/training/json-log.js'
import { ownCache } from '../support/cache.js'
import { ended, iba, makeFolder, network, startIba } from '../support/command.js'
import { environment, writeClassFolders } from '../support/training.js'

let folder: string
let statistics: string
let remove: () => Promise<void>
const at = (...parts: string[]) => join(folder, ...parts)
const env = () => environment(folder)

test.before(async t => {
  ;({ folder, remove } = await makeFolder())
  Object.assign(process.env, ownCache(at('cache')))
  await writeClassFolders(at('train'), 4, 6)
  statistics = at('statistics.safetensors')
  const layers = 'layer1,layer2,layer3,layer4,fc'
  const words = ['estimate', ...network, '--layers', layers, '--images', at('train'), '--out', statistics]
  const made = await iba(words, { env: env() })
  t.is(made.code, 0, made.stderr)
})
test.after.always(() => remove?.())

/** 2 epochs of 6 steps. */
const training = (out: string, ...more: string[]) => [
  ...['train-readout', ...network, '--data', at('train'), '--statistics', statistics, '--batch', '4'],
  ...['--epochs', '2', '--lr', '1e-3', '--random-crop', '--flip', '--out', out, '--log-every', '1', ...more],
]

let whole: Promise<Buffer> | undefined

/** What a training that nothing disturbs writes; it runs once for all tests. */
function uninterrupted(): Promise<Buffer> {
  const train = async () => {
    const out = at('whole.safetensors')
    const { code, stderr } = await iba(training(out), { env: env() })
    if (code !== 0) throw new Error(stderr)
    return readFile(out)
  }
  whole ??= train()
  return whole
}

test.serial(
  'a run that is killed at any step ends, taken up again, with the same bytes as one that never was',
  async t => {
    const expected = await uninterrupted()

    const killedAt = 1 + Math.floor(Math.random() * 9)
    const out = at('killed.safetensors')
    const words = training(out, '--checkpoint-every', '2', '--log', at('killed.jsonl'))
    const child = startIba(words, { env: env() })
    let printed = ''
    child.stderr!.on('data', (text: Buffer) => {
      printed += text
      if (printed.includes(`step ${killedAt}:`)) child.kill('SIGKILL')
    })
    await ended(child)
    t.false(existsSync(out), `killed at step ${killedAt}`)

    const again = await iba([...words, '--resume'], { env: env() })
    t.is(again.code, 0, again.stderr)
    t.true(killedAt < 2 || /Goes on after \d+ steps/.test(again.stderr), again.stderr)
    t.true(expected.equals(await readFile(out)), `killed at step ${killedAt}`)

    const log = await readLog(at('killed.jsonl'))
    const steps = log.filter(({ kind }) => kind === 'interval').map(({ step }) => step)
    t.deepEqual(steps, [...new Set(steps)], 'no step is logged twice')
  },
)

test.serial('SIGTERM keeps a checkpoint and says how to go on', async t => {
  const out = at('stopped.safetensors')
  const child = startIba(training(out, '--epochs', '50'), { env: env() })
  child.stderr!.on('data', (text: Buffer) => {
    if (text.includes('step 3:')) child.kill('SIGTERM')
  })
  const { code, stderr } = await ended(child)
  t.is(code, 130, stderr)
  t.regex(
    stderr,
    /Interrupted after \d+ steps, kept in .*stopped.checkpoint.safetensors. To go on:\n {2}iba train-readout .* --resume/,
  )
  const resumed = await iba([...training(out), '--resume'], { env: env() })
  t.is(resumed.code, 0, resumed.stderr)
  t.true((await readFile(out)).equals(await uninterrupted()))
})

test.serial(
  'logs: a line for each interval, JSON, events for TensorBoard, and curves drawn from them',
  async t => {
    const [log, events] = [at('run.jsonl'), at('events')]
    const more = ['--log', log, '--tensorboard', events, '--validation', at('train'), '--log-every', '4']
    const { code, stderr } = await iba([...training(at('logged.safetensors')), ...more], { env: env() })
    t.is(code, 0, stderr)
    t.regex(
      stderr,
      /step 4: loss [\d.e+]+ \(cross-entropy [\d.]+\), [\d,]+ bits, accuracy [\d.]+ %, [\d.]+ images\/s, \d+ % of it waiting/,
    )
    t.regex(stderr, /epoch 2 of 2, .*; validation: loss/)
    const records = await readLog(log)
    t.deepEqual(
      records.map(({ kind, step }) => `${kind} ${step}`),
      ['interval 4', 'interval 6', 'epoch 6', 'interval 8', 'interval 12', 'epoch 12'],
    )
    for (const record of records) {
      if (record.kind !== 'interval') continue
      t.true(Math.abs(record.loss - record.crossEntropy - 10 * record.information) < 1e-6 * record.loss)
      t.true(record.waitShare >= 0 && record.waitShare <= 1 && record.imagesPerSecond > 0)
    }
    const [file] = await readdir(events)
    const values = readEvents(await readFile(join(events, file!)))
    t.deepEqual(
      values.filter(({ tag }) => tag === 'validation/loss').map(({ step }) => step),
      [6, 12],
    )
    const loss = values.find(({ tag, step }) => tag === 'training/loss' && step === 4)!.value
    t.true(Math.abs(loss / (records[0] as { loss: number }).loss - 1) < 1e-6)

    const curves = at('curves.svg')
    t.is((await iba(['plot', log, '--out', curves])).code, 0)
    const drawn = await readFile(curves, 'utf8')
    t.is(drawn, renderCurves(records))
    for (const text of ['loss', 'cross-entropy', 'information', 'accuracy', 'validation'])
      t.true(drawn.includes(text), text)
    t.true(drawn.startsWith('<svg xmlns="http://www.w3.org/2000/svg"'))
    t.is((await iba(['plot', at('nothing.jsonl')])).code, 2)
  },
)

/** A name, and the byte before its number. */
const numbers = new RegExp(`((?:training|validation)/\\w+)${String.fromCharCode(0x15)}`, 'g')

/** What an event file says, read in the plainest way; the check sums must be right. */
function readEvents(content: Buffer): { step: number; tag: string; value: number }[] {
  const found: { step: number; tag: string; value: number }[] = []
  for (let begin = 0; begin < content.length; ) {
    const length = Number(content.readBigUInt64LE(begin))
    const masked = (sum: number) => (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0
    const event = content.subarray(begin + 12, begin + 12 + length)
    if (masked(crc32c(content.subarray(begin, begin + 8))) !== content.readUInt32LE(begin + 8))
      throw new Error('length')
    if (masked(crc32c(event)) !== content.readUInt32LE(begin + 12 + length)) throw new Error('content')
    begin += 16 + length
    let [step, place] = [0, 10]
    for (let shift = 0; ; shift += 7) {
      const byte = event[place++]!
      step |= (byte & 127) << shift
      if (byte < 128) break
    }
    const text = event.toString('latin1')
    for (const match of text.matchAll(numbers)) {
      found.push({ step, tag: match[1]!, value: event.readFloatLE(match.index + match[0].length) })
    }
  }
  return found
}

test('the check sum of event files is CRC-32C', t => {
  t.is(crc32c(Buffer.from('123456789')), 0xe3069283)
})
