import { estimate, type Model, readout } from '../../lib/index.js'
import { TrainedReadout } from '../../lib/learned/trained-readout.js'
import { addon } from '../../lib/native/addon.js'
import type { Benchmark, Settings } from './benchmark.js'
import { median } from './numbers.js'
import { noiseImages, paperModels, seededModel } from './workload.js'

const batch = 16
const shape = [batch, 3, 224, 224]

export const readoutBenchmark: Benchmark = {
  name: 'readout',
  title: `Readout maps and training, batch ${batch}`,
  async *run(settings) {
    for (const name of paperModels) {
      await using model = await seededModel(name, settings.precision)
      for (const variant of ['A', 'B'] as const) {
        await using trained = await freshReadout(model, variant)
        yield { model: name, variant, ...(await measure(model, trained, settings)) }
      }
    }
  },
}

/** How long a map takes doesn't depend on what was learnt. */
async function freshReadout(model: Model, variant: 'A' | 'B'): Promise<TrainedReadout> {
  const place = addon().readoutPlace({ model: model.handle })
  const layers = [...new Set([place.layer, ...place.reads])]
  await using statistics = await estimate(model, { layers, images: noiseImages(4), onWarning: () => {} })
  const design = {
    ...place,
    variant,
    preset: 'iba' as const,
    sigma: 1,
    kernelSize: 5,
    minimumStd: 0.01,
    seed: 0,
  }
  const made = { model: model.handle, statistics: statistics.handle, design }
  return new TrainedReadout(await addon().createReadout(made))
}

/** Maps and plain passes in turns, so that what else the machine does meets both. */
async function measure(model: Model, trained: TrainedReadout, { rounds, quick }: Settings) {
  const images = noiseImages(batch, 'readout')
  const data = new Float32Array(batch * images[0]!.data.length)
  for (const [i, image] of images.entries()) data.set(image.data, i * image.data.length)
  const all = { data, shape }
  const iba = readout(model, { readout: trained, batch })
  const options = { beta: 10, learningRate: 1e-5 }
  const trainer = await addon().createReadoutTrainer({
    model: model.handle,
    readout: trained.handle,
    options,
  })
  const labels = Array.from({ length: batch }, (_, i) => i)
  const step = { images: all, labels, seeds: labels }

  const forward = () => seconds(() => addon().logits({ model: model.handle, images: all }))
  const maps = () => seconds(() => iba.attribute(images))
  await forward()
  await maps()
  const pairs: { forward: number; maps: number }[] = []
  for (let i = 0; i < 2 * rounds; i++) pairs.push({ forward: await forward(), maps: await maps() })
  const steps: number[] = []
  for (let i = 0; i < (quick ? 1 : rounds); i++)
    steps.push(await seconds(() => addon().readoutStep({ trainer, batch: step, extras: [] })))
  addon().dispose(trainer)
  return {
    'forward passes per second': batch / median(pairs.map(pair => pair.forward)),
    'maps per second': batch / median(pairs.map(pair => pair.maps)),
    'times the forward pass (aim: 2.2)': median(pairs.map(pair => pair.maps / pair.forward)),
    'trained images per second': batch / median(steps),
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}
