import test from 'ava'
import { degradation, type HeatMap, loadModel, type Model, sensitivityN } from '../../lib/index.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { type Reference, readReference } from '../support/parity.js'

// VGG-16 takes four times as long: of its reference every ninth point, and of most masks the first.
for (const { name, points, every, fewMasks } of [
  { name: 'resnet50', points: 100, every: 1, fewMasks: 20 },
  { name: 'vgg16', points: 12, every: 9, fewMasks: 4 },
]) {
  let model: Model
  let reference: Reference
  let map: HeatMap

  test.serial.before(async () => {
    reference = await readReference(name)
    map = { data: reference.array('per_sample.package.map'), width: 224, height: 224, unit: 'bits/pixel' }
    model = await loadModel(name, { weights: 'seeded:0', device: 'cpu' })
  })

  test.serial(`${name}: degradation equals the paper's code`, async t => {
    const { image: images, target: targets, top1, array } = reference
    const { images: found } = await degradation(model, { images, maps: map, targets, tile: 14, points })
    const [{ ofTarget, ofTop1, shares, ...image }] = found as [(typeof found)[0]]
    t.is(image.target, targets)
    t.is(image.top1, top1)
    t.is(shares.length, points + 1)
    for (const [curve, entry] of [
      [ofTarget.mostRelevantFirst, 'morf.target'],
      [ofTop1.mostRelevantFirst, 'morf.top1'],
      [ofTarget.leastRelevantFirst, 'lerf.target'],
      [ofTop1.leastRelevantFirst, 'lerf.top1'],
    ] as const) {
      const all = array(`degradation14.${entry}`)
      t.is(all.length, 100)
      const expected = all.filter((_, i) => i === 0 || (i - 1) % every === 0)
      t.is(expected.length, points)
      t.true(largestDifference(curve, expected) < 1e-3, entry)
    }
  })

  test.serial(`${name}: sensitivity-n equals the paper's code`, async t => {
    const { image: images, target: targets, sensitivity, array } = reference
    const ns = Object.keys(sensitivity).map(Number)
    const masks = ns.map((n, i) => {
      const all = Uint8Array.from(array(`sensitivity.${n}.masks`))
      const count = i === 0 ? 20 : fewMasks
      return { n, count, data: all.subarray(0, (all.length / 20) * count) }
    })
    const found = await sensitivityN(model, { images, maps: map, targets, tile: 8, masks })
    t.deepEqual(found.ns, ns)
    for (const [i, n] of ns.entries()) {
      const { drop, relevance, correlation } = found.images[0]![i]!
      const { count } = masks[i]!
      const difference = largestDifference(drop, array(`sensitivity.${n}.drop`).subarray(0, count))
      t.log(`n = ${n}: drop differs by at most ${difference.toExponential(1)}`)
      t.true(difference < 1e-3)
      // Sums of thousands of bits in single precision: relative to their size.
      t.true(relativeError(relevance, array(`sensitivity.${n}.relevance`).subarray(0, count)) < 1e-5)
      if (count === 20) t.true(Math.abs(correlation - sensitivity[n]!) < 1e-3)
      // One image: its own correlation is that over all images.
      t.true(Math.abs(found.pooled[i]! - correlation) < 1e-12)
    }
  })

  test.serial.after.always(() => model?.dispose())
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(b, (value, i) => Math.abs(value - a[i]!)))
}
