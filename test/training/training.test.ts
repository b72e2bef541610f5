import { existsSync, renameSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  estimate,
  ImageError,
  InvalidArgumentError,
  imageFolder,
  type LabelledImage,
  loadModel,
  type Model,
  openTrainingData,
  readout,
  type Statistics,
  type TrainingData,
  trainReadout,
  WeightsError,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { renderCurves } from '../../lib/training/curves.js'
import { crc32c } from '../../lib/training/event-file.js'
import { readLog } from '../../lib/training/json-log.js'
import { ended, iba, makeFolder, startIba } from '../support/command.js'
import { smallModel } from '../support/small-model.js'
import { environment, network, readTensors, writeClassFolders } from '../support/training.js'

let folder: string
let statistics: string
let remove: () => Promise<void>
const at = (...parts: string[]) => join(folder, ...parts)
const env = () => environment(folder)

test.before(async t => {
  ;({ folder, remove } = await makeFolder())
  process.env.IBA_CACHE = at('cache')
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

test.serial(
  'a run that is killed at any step ends, taken up again, with the same bytes as one that never was',
  async t => {
    const whole = at('whole.safetensors')
    const { code, stderr } = await iba(training(whole), { env: env() })
    t.is(code, 0, stderr)
    const expected = await readFile(whole)

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
  t.true((await readFile(out)).equals(await readFile(at('whole.safetensors'))))
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

// What follows calls the library with a network that is smaller still.

const small = { resize: 64, crop: 64 }
let model: Model
let learnt: Statistics
test.before(async () => {
  model = await smallModel({ preprocessing: small })
  const layers = ['layer1', 'layer2', 'layer3', 'layer4', 'fc']
  const { folder: images, remove: clean } = await makeFolder()
  await writeClassFolders(images, 2, 4)
  learnt = await estimate(model, { layers, images: imageFolder(images), onWarning: () => {} })
  await clean()
})
test.after.always(() => {
  learnt?.dispose()
  model?.dispose()
})

const brief = async () => ({
  data: await openTrainingData(at('train')),
  statistics: learnt,
  batch: 4,
  epochs: 1,
  learningRate: 1e-3,
  onWarning: () => {},
})

test.serial('training lowers the loss, and lets less information pass', async t => {
  const losses: number[] = []
  const bits: number[] = []
  await using trained = await trainReadout(model, {
    ...(await brief()),
    epochs: 6,
    learningRate: 1e-2,
    onEpoch: ({ training: outcome }) => {
      losses.push(outcome.loss)
      bits.push(outcome.bits)
    },
  })
  t.true(losses[5]! < 0.5 * losses[0]!, losses.join(' '))
  t.true(bits[5]! < 0.5 * bits[0]!, bits.join(' '))
  const [result] = await readout(model, { weights: trained }).attribute(at('train', 'n00000000', '0.JPEG'))
  t.true(result!.map.data.every(Number.isFinite))
})

test.serial('statistics of all layers are estimated where none are given', async t => {
  const { statistics: _, ...options } = await brief()
  const warnings: string[] = []
  let samples = 0
  const onStatistics = (progress: { samples: number }) => {
    samples = progress.samples
  }
  await using trained = await trainReadout(model, {
    ...options,
    onStatistics,
    onWarning: text => warnings.push(text),
  })
  t.deepEqual(trained.description.reads, ['layer1', 'layer2', 'layer3', 'layer4', 'fc'])
  t.is(samples, 24)
  t.is(warnings.length, 1)
})

test.serial('any layers can be read, in either variant and preset', async t => {
  for (const [variant, preset] of [
    ['A', 'paper'],
    ['B', 'iba'],
  ] as const) {
    const options = {
      ...(await brief()),
      variant,
      preset,
      layer: 'layer2',
      reads: ['layer1', 'layer2', 'fc'],
    }
    await using trained = await trainReadout(model, options)
    const { reads, layer, ...description } = trained.description
    t.deepEqual(
      [description.variant, description.preset, layer, reads],
      [variant, preset, 'layer2', ['layer1', 'layer2', 'fc']],
    )
  }
})

test.serial('bfloat16 and the plain memory layout give about the same losses', async t => {
  const lossOf = async (network: Model, precision: 'float32' | 'bfloat16') => {
    let loss = 0
    const options = { ...(await brief()), statistics: learnt, precision, learningRate: 1e-5 }
    await using _ = await trainReadout(network, {
      ...options,
      onEpoch: epoch => {
        loss = epoch.training.loss
      },
    })
    return loss
  }
  const expected = await lossOf(model, 'float32')
  t.true(Math.abs((await lossOf(model, 'bfloat16')) / expected - 1) < 0.02)
  await using plain = await smallModel({ preprocessing: small, memoryFormat: 'contiguous' })
  t.true(Math.abs((await lossOf(plain, 'float32')) / expected - 1) < 1e-4)
})

/** Data whose first images can't be read. */
function withBroken(data: TrainingData, broken: number): TrainingData {
  const spoil = (image: LabelledImage) =>
    image.id < broken ? { ...image, source: Buffer.from('no picture') } : image
  return {
    size: data.size,
    fingerprint: data.fingerprint,
    async *batches(options) {
      for await (const batch of data.batches(options)) yield batch.map(spoil)
    },
  }
}

test.serial('broken images are left out and named; too many stop the training', async t => {
  const options = await brief()
  const named: string[] = []
  let images = 0
  await using _ = await trainReadout(model, {
    ...options,
    data: withBroken(options.data, 5),
    maximumBroken: 5,
    onBroken: error => named.push(error.message),
    onStep: step => {
      images += step.images
    },
  })
  t.is(named.length, 5)
  t.is(images, 19)
  t.true(
    named.every(message => /n00000000.*JPEG/.test(message)),
    named[0],
  )
  const tooMany = trainReadout(model, { ...options, data: withBroken(options.data, 6), maximumBroken: 5 })
  await t.throwsAsync(tooMany, {
    instanceOf: ImageError,
    message: /6 images could not be read, more than the 5/,
  })
})

test.serial('a step of broken images alone learns nothing, and training goes on', async t => {
  const options = await brief()
  const seen: number[] = []
  await using trained = await trainReadout(model, {
    ...options,
    data: withBroken(options.data, 100),
    maximumBroken: 100,
    onStep: ({ images }) => void seen.push(images),
  })
  t.deepEqual(seen, [0, 0, 0, 0, 0, 0])
  const design = { seed: 0, variant: 'B', preset: 'iba', sigma: 1, kernelSize: 5, minimumStd: 0.01 } as const
  const place = addon().readoutPlace(model.handle)
  const fresh = await addon().createReadout(model.handle, learnt.handle, { ...design, ...place })
  await addon().saveReadout(fresh, at('fresh.safetensors'))
  await trained.save(at('untrained.safetensors'))
  t.true((await readFile(at('fresh.safetensors'))).equals(await readFile(at('untrained.safetensors'))))
})

test.serial('a label that is no class is refused with its image', async t => {
  const options = await brief()
  await writeFile(at('labels.txt'), `${at('train', 'n00000000', '0.JPEG')} 10\n`.repeat(4))
  const data = await openTrainingData(at('labels.txt'))
  await t.throwsAsync(trainReadout(model, { ...options, data }), {
    instanceOf: InvalidArgumentError,
    message: /0 to 9 for the label of .*0.JPEG.*10/,
  })
})

test.serial('a checkpoint of another training, model or kind is refused, and stays as it is', async t => {
  const checkpoint = at('kept.checkpoint.safetensors')
  const options = { ...(await brief()), checkpoint }
  await using _ = await trainReadout(model, options)
  const kept = await readFile(checkpoint)
  const again = { ...options, resume: true, epochs: 2 }
  await t.throwsAsync(trainReadout(model, { ...again, seed: 1 }), {
    instanceOf: InvalidArgumentError,
    message: /another training \(seed: 0 there, 1 now\)/,
  })
  await t.throwsAsync(trainReadout(model, { ...again, batch: 2 }), {
    message: /images of a step: 4 there, 2 now/,
  })
  await using other = await smallModel({ weights: 'seeded:1', preprocessing: small })
  await t.throwsAsync(trainReadout(other, { ...again, statistics: undefined as never }), {
    instanceOf: WeightsError,
  })
  t.true(kept.equals(await readFile(checkpoint)))
  await using trained = await trainReadout(model, { ...options })
  await trained.save(checkpoint)
  await t.throwsAsync(trainReadout(model, again), {
    instanceOf: WeightsError,
    message: /no checkpoint of this training/,
  })
})

test.serial(
  'a checkpoint that can no longer be written ends the training; the last one is whole',
  async t => {
    await mkdir(at('full'))
    const checkpoint = at('full', 'x.checkpoint.safetensors')
    const running = trainReadout(model, {
      ...(await brief()),
      checkpoint,
      checkpointEvery: 2,
      onCheckpoint: ({ step }) => {
        if (step !== 2) return
        renameSync(at('full'), at('moved'))
      },
    })
    const error = await t.throwsAsync(running, { instanceOf: WeightsError })
    t.true(error.message.includes(checkpoint) && /No such file/.test(error.message), error.message)
    let resumedAt = 0
    await using _ = await trainReadout(model, {
      ...(await brief()),
      checkpoint: at('moved', 'x.checkpoint.safetensors'),
      resume: true,
      onStart: ({ step }) => {
        resumedAt = step
      },
    })
    t.is(resumedAt, 2)
    await t.throwsAsync(
      trainReadout(model, { ...(await brief()), checkpoint: '/proc/nowhere/x.safetensors' }),
      {
        instanceOf: WeightsError,
        message: /can't be made/,
      },
    )
  },
)

test.serial('an abort stops after the step, with its reason and a checkpoint', async t => {
  const checkpoint = at('aborted.checkpoint.safetensors')
  const controller = new AbortController()
  const reason = new Error('enough')
  let steps = 0
  const running = trainReadout(model, {
    ...(await brief()),
    checkpoint,
    signal: controller.signal,
    onStep: () => {
      if (++steps === 2) controller.abort(reason)
    },
  })
  t.is(await t.throwsAsync(running), reason)
  let resumedAt = 0
  await using resumed = await trainReadout(model, {
    ...(await brief()),
    checkpoint,
    resume: true,
    onStart: ({ step }) => {
      resumedAt = step
    },
  })
  t.is(resumedAt, 3)
  await using whole = await trainReadout(model, await brief())
  await resumed.save(at('a.safetensors'))
  await whole.save(at('b.safetensors'))
  const [a, b] = [await readTensors(at('a.safetensors')), await readTensors(at('b.safetensors'))]
  for (const [name, data] of a) t.deepEqual(data, b.get(name), name)
})

test.serial('wrong options are named', async t => {
  const options = await brief()
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ epoch: 3 }, /'epoch'/],
    [{ batch: 0 }, /batch/],
    [{ batch: 30 }, /24 images don't fill one step of 30/],
    [{ variant: 'C' }, /variant/],
    [{ layer: 'layer1' }, /'layer' and 'reads'/],
    [{ resume: true }, /checkpoint/],
    [{ precision: 'float16' }, /precision/],
    [{ flip: 1 }, /flip/],
    [{ statistics: {} }, /statistics/],
  ]
  for (const [given, message] of wrong) {
    const running = trainReadout(model, { ...options, ...given } as never)
    await t.throwsAsync(running, { instanceOf: InvalidArgumentError, message })
  }
  await using vgg = await loadModel('vgg11', { weights: 'seeded:0', width: 4, classes: 4, device: 'cpu' })
  t.is(addon().readoutPlace(vgg.handle).layer, 'features.6')
})
