import test from 'ava'
import { demoSamples, loadModel, loadStatistics, perSample, readout } from '../../lib/index.js'
import { shareInBox } from '../../scripts/demo-data/share-in-box.js'

test('the demo network recognises its samples, and the maps lie on the objects that decide the class', async t => {
  await using model = await loadModel('demo', { device: 'cpu' })
  await using statistics = await loadStatistics('demo')
  const samples = await demoSamples()
  t.is(samples.length, 12)
  const predictions = await model.predict(samples.map(({ path }) => path))
  t.deepEqual(
    predictions.map(({ target }) => target),
    samples.map(({ target }) => target),
  )

  const images = samples.map(({ path, target }) => ({ image: path, target }))
  for (const { map, index } of await perSample(model, { statistics }).attribute(images)) {
    const { path, box } = samples[index]!
    const area = ((box.right - box.left) * (box.bottom - box.top)) / (map.width * map.height)
    const inside = shareInBox(map, box)
    t.true(inside > 2 * area, `${path}: ${inside} of the map, ${area} of the image`)
  }
})

test('the maps of the readout lie on the objects as well', async t => {
  await using model = await loadModel('demo', { device: 'cpu' })
  const samples = await demoSamples()
  const images = samples.map(({ path, target }) => ({ image: path, target }))
  const ratios: number[] = []
  for (const { map, index } of await readout(model, { readout: 'demo' }).attribute(images)) {
    const { box } = samples[index]!
    const area = ((box.right - box.left) * (box.bottom - box.top)) / (map.width * map.height)
    ratios.push(shareInBox(map, box) / area)
  }
  t.is(ratios.length, samples.length)
  t.true(
    ratios.every(ratio => ratio > 2),
    ratios.join(' '),
  )
})
