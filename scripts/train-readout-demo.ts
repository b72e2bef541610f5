// Trains a readout bottleneck for the demo network, and says how much of its maps lies in the boxes of the objects.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { demo, demoSamples, estimate, imageFolder, loadModel, type Model, readout } from '../lib/index.js'
import { TrainedReadout } from '../lib/learned/trained-readout.js'
import { addon } from '../lib/native/addon.js'
import { openTrainingData } from '../lib/training/open-data.js'
import { trainReadout } from '../lib/training/readout-training.js'
import { generateDemoData } from './demo-data/generate.js'
import { shareInBox } from './demo-data/share-in-box.js'

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: 'demo-data-readout' },
    train: { type: 'string', default: '2000' },
    validation: { type: 'string', default: '200' },
    epochs: { type: 'string', default: '4' },
    lr: { type: 'string', default: '5e-4' },
    beta: { type: 'string', default: '1' },
    seed: { type: 'string', default: '0' },
    out: { type: 'string', default: demo.readout },
  },
})

async function main(): Promise<void> {
  await generateDemoData(options.data, {
    train: Number(options.train),
    validation: Number(options.validation),
    onProgress: (done, total) => {
      if (done % 500 === 0 || done === total) console.log(`images: ${done} of ${total}`)
    },
  })
  await using model = await loadModel('demo')
  // Where the per-sample maps of the demo are made, so that both can be compared.
  const layer = model.bottleneckLayer
  const { reads } = addon().readoutPlace({ model: model.handle })
  const images = imageFolder(join(options.data, 'train'), { shuffleSeed: 0 })
  await using statistics = await estimate(model, { layers: [layer, ...reads], images, samples: 2000 })
  const seed = Number(options.seed)
  const design = {
    layer,
    reads,
    variant: 'B',
    preset: 'iba',
    sigma: 1,
    kernelSize: 5,
    minimumStd: 0.01,
    seed,
  } as const
  const made = { model: model.handle, statistics: statistics.handle, design }
  await using fresh = new TrainedReadout(await addon().createReadout(made))
  console.log(`before training: ${await describe(model, fresh)}`)

  const started = performance.now()
  await using trained = await trainReadout(model, {
    data: await openTrainingData(join(options.data, 'train')),
    validation: await openTrainingData(join(options.data, 'validation')),
    statistics,
    layer,
    reads,
    epochs: Number(options.epochs),
    learningRate: Number(options.lr),
    beta: Number(options.beta),
    seed,
    onEpoch: ({ epoch, epochs, training, validation, seconds }) =>
      console.log(
        `epoch ${epoch} of ${epochs}: loss ${training.loss.toFixed(3)}, validation: loss ${validation!.loss.toFixed(3)}, ` +
          `${validation!.bits.toFixed(0)} bits, accuracy ${(validation!.accuracy * 100).toFixed(1)} %; ` +
          `${(training.images / seconds).toFixed(0)} images/s`,
      ),
  })
  console.log(`after training: ${await describe(model, trained)}`)
  await trained.save(options.out)
  console.log(`${options.out}, ${((performance.now() - started) / 60_000).toFixed(1)} minutes`)
}

/** The mean share of the maps in the boxes of the sample images, beside the boxes' share of the image. */
async function describe(model: Model, weights: TrainedReadout): Promise<string> {
  const samples = await demoSamples()
  const images = samples.map(({ path, target }) => ({ image: path, target }))
  const shares: number[] = []
  const areas: number[] = []
  for await (const { map, index } of readout(model, { readout: weights }).attributeAll(images)) {
    const { box } = samples[index]!
    shares.push(shareInBox(map, box))
    areas.push(((box.right - box.left) * (box.bottom - box.top)) / (map.width * map.height))
  }
  return `${percent(shares)} of the maps in the boxes, which are ${percent(areas)} of the images`
}

function percent(shares: readonly number[]): string {
  return `${((shares.reduce((sum, share) => sum + share, 0) / shares.length) * 100).toFixed(1)} %`
}

await main()
