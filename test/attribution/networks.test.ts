import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type Attribution, describeMethods, type MethodDescription } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { testing } from '../../scripts/testing/module.js'
import { loadFile } from '../support/imported-models.js'
import { Attributers, distance, type Trial, transformerTrial, trial } from '../support/methods.js'
import { onnxFile } from '../support/onnx.js'
import { resNetGraph } from '../support/resnet-onnx.js'
import { noiseImages } from '../support/small-model.js'

const side = 64
const attributers = new Attributers()
let folder: string
/** A convolutional network of the zoo, a transformer of TorchScript, and the former as an ONNX file. */
let networks: Record<'cnn' | 'vit' | 'onnx', Trial>

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iba-networks-'))
  const weights = join(folder, 'resnet18.safetensors')
  const trainer = testing().createTrainer({ architecture: 'resnet18', classes: 10, width: 8, seed: 0 })
  testing().saveTrained({ trainer, path: weights })
  const { tensors } = await addon().readWeightFile({ path: weights })
  const onnx = join(folder, 'resnet18.onnx')
  const input = { name: 'images', shape: ['batch', 3, side, side] }
  await writeFile(onnx, onnxFile({ ...resNetGraph(tensors), input }))
  networks = {
    cnn: await trial('resnet18', side, side, { weights }),
    vit: await transformerTrial(),
    onnx: { model: await loadFile(onnx, side), height: side, width: side },
  }
})
test.after.always(async () => {
  await attributers.dispose()
  for (const { model } of Object.values(networks ?? {})) model.dispose()
  await rm(folder, { recursive: true, force: true })
})

/** What a method says of a network that it can't explain. */
const refusals: Readonly<Record<string, Partial<Record<keyof typeof networks, RegExp>>>> = {
  readout: { vit: /no usual place for a readout bottleneck in VisionTransformer/ },
  lrp: { vit: /none for the operation 'layer-norm' .* Choose another composite, such as attn-lrp/ },
  'attention-rollout': { cnn: withoutAttention(), onnx: withoutAttention() },
  'generic-attention': { cnn: withoutAttention(), onnx: withoutAttention() },
}

function withoutAttention(): RegExp {
  return /follows the attention between tokens, of which this \w+ has none: it has add, .* Choose grad-cam or lrp/
}

/** The maps of two images, explained together; an image's own class, and another's. */
async function explain(t: ExecutionContext, tried: Trial, method: MethodDescription): Promise<Attribution[]> {
  const images = noiseImages(2, { height: side })
  await using attributer = await attributers.make(tried, method, { batch: 2, rows: 3 })
  const together = await attributer.attribute(images, { targets: [null, 3] })
  const [alone] = await attributer.attribute(images[1]!, { targets: 3 })
  t.true(distance(together[1]!, alone!) < 1e-3, `alone: ${distance(together[1]!, alone!)}`)
  return together
}

for (const method of describeMethods()) {
  const { name } = method
  test.serial(`${name}: a map of every kind of network, or why there is none`, async t => {
    const found: Partial<Record<keyof typeof networks, Attribution[]>> = {}
    for (const [kind, tried] of Object.entries(networks) as [keyof typeof networks, Trial][]) {
      const refusal = refusals[name]?.[kind]
      if (refusal) {
        await t.throwsAsync(explain(t, tried, method), { code: 'MODEL', message: refusal }, kind)
        continue
      }
      found[kind] = await explain(t, tried, method)
      for (const { map } of found[kind]) {
        t.deepEqual([map.width, map.height], [side, side], kind)
        t.true(map.data.every(Number.isFinite), kind)
      }
      const varies = found[kind].some(({ map }) => map.data.some(value => value !== map.data[0]))
      t.is(varies, name !== 'zero', kind)
    }
    // The file is the network with its batch norms in the convolutions.
    for (const [i, cnn] of (found.cnn ?? []).entries()) {
      t.true(distance(found.onnx![i]!, cnn) < 1e-3, `onnx: ${distance(found.onnx![i]!, cnn)}`)
      t.is(found.onnx![i]!.map.unit, cnn.map.unit)
    }
  })
}
