import { spawnSync } from 'node:child_process'
import { renameSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
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
import { ownCache } from '../support/cache.js'
import { makeFolder } from '../support/command.js'
import { setNumber } from '../support/damage.js'
import { smallModel } from '../support/small-model.js'
import { readTensors, writeClassFolders } from '../support/training.js'

let folder: string
let remove: () => Promise<void>
const at = (...parts: string[]) => join(folder, ...parts)

const small = { resize: 64, crop: 64 }
let model: Model
let learnt: Statistics
test.before(async () => {
  ;({ folder, remove } = await makeFolder())
  Object.assign(process.env, ownCache(at('cache')))
  await writeClassFolders(at('train'), 4, 6)
  model = await smallModel({ preprocessing: small })
  const layers = ['layer1', 'layer2', 'layer3', 'layer4', 'fc']
  const { folder: images, remove: clean } = await makeFolder()
  await writeClassFolders(images, 2, 4)
  learnt = await estimate(model, { layers, images: imageFolder(images), onWarning: () => {} })
  await clean()
})
test.after.always(async () => {
  learnt?.dispose()
  model?.dispose()
  await remove?.()
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
  const [result] = await readout(model, { readout: trained }).attribute(at('train', '0', '0.JPEG'))
  t.true(result!.map.data.every(Number.isFinite))
})

test.serial('training that diverges ends with an error, and keeps its last good checkpoint', async t => {
  const checkpoint = at('diverged.checkpoint.safetensors')
  const options = { ...(await brief()), sigma: 0, checkpoint }
  ;(await trainReadout(model, options)).dispose()
  // As after a step that was too long: the second layer makes infinity of the first, and the third 0 times that.
  const weights = { 'conv1.bias': 3e38, 'conv2.weight': 3e38, 'conv3.weight': 0 }
  for (const [entry, value] of Object.entries(weights)) await setNumber(checkpoint, entry, value)
  const before = await readFile(checkpoint)
  const error = await t.throwsAsync(trainReadout(model, { ...options, epochs: 2, resume: true }), {
    code: 'NOT_FINITE',
  })
  t.regex(error.message, /^Training diverged after step 6\. The .*: .* of step 6, is '.*diverged\.checkpoint/)
  t.true(before.equals(await readFile(checkpoint)))
})

test.serial('an abort ends a training at once while it waits for an image, and keeps its step', async t => {
  const pipe = at('silent.jpg')
  spawnSync('mkfifo', [pipe])
  const { data, ...options } = await brief()
  const stuck: TrainingData = {
    fingerprint: data.fingerprint,
    size: data.size,
    async *batches(which) {
      let number = 0
      for await (const batch of data.batches(which))
        yield number++ === 0 ? batch : batch.map(image => ({ ...image, source: pipe }))
    },
  }
  const controller = new AbortController()
  const kept: number[] = []
  const running = trainReadout(model, {
    ...options,
    data: stuck,
    checkpoint: at('stuck.checkpoint.safetensors'),
    signal: controller.signal,
    onStep: () => void setTimeout(() => controller.abort(), 50),
    onCheckpoint: ({ step }) => void kept.push(step),
  })
  await t.throwsAsync(running, { any: true, name: 'AbortError' })
  t.deepEqual(kept, [0, 1])
})

test.serial('a callback that fails ends the training, also by its promise', async t => {
  const wrong = new Error('of the callback')
  for (const name of ['onStart', 'onStep', 'onEpoch', 'onCheckpoint'] as const) {
    const failing = {
      [name]: () => Promise.reject(wrong),
      checkpoint: at('callbacks.checkpoint.safetensors'),
    }
    t.is(await t.throwsAsync(trainReadout(model, { ...(await brief()), ...failing })), wrong, name)
  }
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
  const lossOf = async (network: Model) => {
    let loss = 0
    const options = { ...(await brief()), statistics: learnt, learningRate: 1e-5 }
    await using _ = await trainReadout(network, {
      ...options,
      onEpoch: epoch => {
        loss = epoch.training.loss
      },
    })
    return loss
  }
  const expected = await lossOf(model)
  await using rounding = await smallModel({ preprocessing: small, precision: 'bfloat16' })
  t.true(Math.abs((await lossOf(rounding)) / expected - 1) < 0.02)
  await using plain = await smallModel({ preprocessing: small, memoryFormat: 'contiguous' })
  t.true(Math.abs((await lossOf(plain)) / expected - 1) < 1e-4)
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
    named.every(message => /train.0.\d+\.JPEG/.test(message)),
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
  const place = addon().readoutPlace({ model: model.handle })
  const made = { model: model.handle, statistics: learnt.handle, design: { ...design, ...place } }
  const fresh = await addon().createReadout(made)
  await addon().saveReadout({ readout: fresh, path: at('fresh.safetensors') })
  await trained.save(at('untrained.safetensors'))
  t.true((await readFile(at('fresh.safetensors'))).equals(await readFile(at('untrained.safetensors'))))
})

test.serial('a label that is no class is refused with its image', async t => {
  const options = await brief()
  await writeFile(at('labels.txt'), `${at('train', '0', '0.JPEG')} 10\n`.repeat(4))
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
  // What is in the checkpoint would be taken, whatever is wished for now.
  await t.throwsAsync(trainReadout(model, { ...again, sigma: 2, variant: 'A' }), {
    message: /variant: B there, A now; sigma: 1 there, 2 now/,
  })
  const { layers: learntLayers } = learnt.description
  await using otherStatistics = await estimate(model, {
    ...{ layers: learntLayers.map(({ name }) => name), images: imageFolder(at('train')), samples: 2 },
    onWarning: () => {},
  })
  await t.throwsAsync(trainReadout(model, { ...again, statistics: otherStatistics }), {
    message: /statistics: [0-9a-f]{16} there, [0-9a-f]{16} now/,
  })
  const [mean, ...means] = model.preprocessing.mean
  await using shifted = await smallModel({ preprocessing: { ...small, mean: [mean! + 0.1, ...means] } })
  await t.throwsAsync(trainReadout(shifted, again), { message: /mean: .* there, .* now/ })
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
    [{ flip: 1 }, /flip/],
    [{ statistics: {} }, /statistics/],
  ]
  for (const [given, message] of wrong) {
    const running = trainReadout(model, { ...options, ...given } as never)
    await t.throwsAsync(running, { instanceOf: InvalidArgumentError, message })
  }
  await using vgg = await loadModel('vgg11', { weights: 'seeded:0', width: 4, classes: 4, device: 'cpu' })
  t.is(addon().readoutPlace({ model: vgg.handle }).layer, 'features.6')
})
