import test from 'ava'
import { demoSamples, loadModel, loadStatistics, perSample } from '../lib/index.js'

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
    const { left, top, right, bottom } = samples[index]!.box
    const area = ((right - left) * (bottom - top)) / (map.width * map.height)
    let inside = 0
    let total = 0
    map.data.forEach((bits, i) => {
      const [x, y] = [i % map.width, Math.floor(i / map.width)]
      total += bits
      if (x >= left && x < right && y >= top && y < bottom) inside += bits
    })
    t.true(
      inside / total > 2 * area,
      `${samples[index]!.path}: ${inside / total} of the map, ${area} of the image`,
    )
  }
})
