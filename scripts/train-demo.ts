// Trains the demo network and writes what the package ships of it: weights, layer statistics, sample images.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { mapInOrder } from '../lib/foundation/concurrency.js'
import { writeFileAtomically } from '../lib/foundation/files.js'
import { decodeImage } from '../lib/images/decode.js'
import { imageFolder } from '../lib/images/folder.js'
import { estimate, loadModel } from '../lib/index.js'
import { demo } from '../lib/model/demo.js'
import { demoClasses, generateDemoData, renderSample } from './demo-data/generate.js'
import { type LabelledBatch, seededNormal, type TrainerHandle, testing } from './testing/module.js'

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: 'demo-data' },
    train: { type: 'string', default: '9000' },
    validation: { type: 'string', default: '1000' },
    epochs: { type: 'string', default: '14' },
    width: { type: 'string', default: '24' },
    seed: { type: 'string', default: '0' },
  },
})
const batchSize = 32
const peakLearningRate = 0.1
// Small pictures teach most of it at a quarter of the cost; the last epochs see them as the network will.
const smallSize = 112
const fullSizeEpochs = 4
const sampleCount = 12
const imageSize = 224
const imageBytes = imageSize * imageSize * 3

/** Pictures of one split, decoded, with their class indices. */
interface Split {
  pictures: Uint8Array[]
  labels: number[]
}

async function main(): Promise<void> {
  await generateDemoData(options.data, {
    train: Number(options.train),
    validation: Number(options.validation),
    onProgress: (done, total) => {
      if (done % 500 === 0 || done === total) console.log(`images: ${done} of ${total}`)
    },
  })
  const train = await readSplit(join(options.data, 'train'))
  const validation = await readSplit(join(options.data, 'validation'))
  const trainer = testing().createTrainer({
    architecture: demo.architecture,
    classes: demoClasses.length,
    width: Number(options.width),
    seed: Number(options.seed),
  })
  learn(trainer, train, validation)
  await mkdir(demo.images, { recursive: true })
  testing().saveTrained({ trainer, path: demo.weights })
  await saveStatistics()
  await saveSamples()
}

async function readSplit(folder: string): Promise<Split> {
  const split: Split = { pictures: [], labels: [] }
  for await (const { path, pixels } of mapInOrder(imageFolder(folder), 8, readPicture)) {
    split.pictures.push(pixels)
    split.labels.push(demoClasses.find(({ synset }) => path.includes(`/${synset}/`))!.index)
  }
  return split
}

async function readPicture(path: string): Promise<{ path: string; pixels: Uint8Array }> {
  return { path, pixels: (await decodeImage(path)).pixels }
}

function learn(trainer: TrainerHandle, train: Split, validation: Split): void {
  const epochs = Number(options.epochs)
  const stepsPerEpoch = Math.floor(train.labels.length / batchSize)
  const started = performance.now()
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = shuffled(train.labels.length, epoch)
    const size = epoch < epochs - fullSizeEpochs ? smallSize : imageSize
    let loss = 0
    let correct = 0
    for (let step = 0; step < stepsPerEpoch; step++) {
      const rate = learningRate((epoch + step / stepsPerEpoch) / epochs)
      const batch = pick(train, order.slice(step * batchSize, (step + 1) * batchSize), size)
      const outcome = testing().trainStep({ trainer, ...batch, learningRate: rate })
      loss += outcome.loss / stepsPerEpoch
      correct += outcome.correct
    }
    const accuracy = evaluate(trainer, validation, size)
    const minutes = (performance.now() - started) / 60_000
    console.log(
      `epoch ${epoch + 1} of ${epochs}: loss ${loss.toFixed(3)}, ` +
        `training accuracy ${percent(correct / (stepsPerEpoch * batchSize))}, ` +
        `validation accuracy ${percent(accuracy)}, ${minutes.toFixed(1)} minutes`,
    )
  }
}

/** One cycle: a linear rise over the first fifth, then down to nothing along a cosine. */
function learningRate(progress: number): number {
  const warmUp = 0.2
  if (progress < warmUp) return (peakLearningRate * (progress + 0.01)) / (warmUp + 0.01)
  return (peakLearningRate * (1 + Math.cos((Math.PI * (progress - warmUp)) / (1 - warmUp)))) / 2
}

function evaluate(trainer: TrainerHandle, split: Split, size: number): number {
  let correct = 0
  for (let begin = 0; begin < split.labels.length; begin += batchSize) {
    const indices = Array.from(
      { length: Math.min(batchSize, split.labels.length - begin) },
      (_, i) => begin + i,
    )
    correct += testing().evaluateBatch({ trainer, ...pick(split, indices, size) }).correct
  }
  return correct / split.labels.length
}

function pick(split: Split, indices: number[], size: number): LabelledBatch {
  const data = new Uint8Array(indices.length * imageBytes)
  indices.forEach((index, i) => {
    data.set(split.pictures[index]!, i * imageBytes)
  })
  const shape = [indices.length, imageSize, imageSize, 3]
  return { pictures: { data, shape }, labels: indices.map(index => split.labels[index]!), size }
}

/** The numbers below `count` in an order that depends on the seed and the epoch alone. */
function shuffled(count: number, epoch: number): number[] {
  const keys = seededNormal(`epoch ${epoch}`, Number(options.seed), [count])
  return Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!)
}

async function saveStatistics(): Promise<void> {
  const model = await loadModel('demo', { device: 'cpu' })
  const images = imageFolder(join(options.data, 'train'), { shuffleSeed: 0 })
  const statistics = await estimate(model, { images, samples: 2000 })
  await statistics.save(demo.statistics)
}

/** Writes a few validation images, with their boxes and classes, into the package. */
async function saveSamples(): Promise<void> {
  const samples: Record<string, unknown> = {}
  for (let index = 0; index < sampleCount; index++) {
    const { jpeg, classIndex, box } = await renderSample({ seed: 0, split: 'validation', index })
    const { name } = demoClasses.find(entry => entry.index === classIndex)!
    const file = `${String(index + 1).padStart(2, '0')}-${name}.jpg`
    await writeFileAtomically(join(demo.images, file), jpeg)
    samples[file] = { target: classIndex, box }
  }
  await writeFileAtomically(demo.boxes, `${JSON.stringify(samples, null, 2)}\n`)
  await writeFileAtomically(demo.classes, `${JSON.stringify(demoClasses, null, 2)}\n`)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

await main()
