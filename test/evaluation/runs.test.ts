import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openDataset } from '../../lib/datasets/dataset.js'
import { degradationProtocol } from '../../lib/evaluation/protocols/degradation.js'
import { sanityProtocol } from '../../lib/evaluation/protocols/sanity.js'
import { type EvaluatedMethod, learningImages } from '../../lib/evaluation/runs/evaluated-method.js'
import { differences } from '../../lib/evaluation/runs/header.js'
import { executePlan, headerOf, type RunPlan } from '../../lib/evaluation/runs/plan.js'
import { resultPath } from '../../lib/evaluation/runs/result-file.js'
import { describeMethod, loadModel, type Model } from '../../lib/index.js'
import { demoSamples } from '../../lib/model/demo.js'
import { loadFile } from '../support/imported-models.js'
import { onnxFile } from '../support/onnx.js'

let folder: string
let model: Model

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runs-'))
  model = await loadModel('demo', { device: 'cpu' })
})
test.after.always(async () => {
  model?.dispose()
  await rm(folder, { recursive: true, force: true })
})

/** A folder of labelled images of its own. */
async function makeData(images: number): Promise<string> {
  const root = await mkdtemp(join(folder, 'data-'))
  for (const [i, { path, target }] of (await demoSamples()).slice(0, images).entries()) {
    await mkdir(join(root, String(target)), { recursive: true })
    await copyFile(path, join(root, String(target), `${i}.jpg`))
  }
  return root
}

function methodOf(name: string, more: Partial<EvaluatedMethod> = {}): EvaluatedMethod {
  return { description: describeMethod(name), title: name, options: {}, resources: {}, files: {}, ...more }
}

async function planOf(root: string, more: Partial<RunPlan> = {}): Promise<RunPlan> {
  return {
    protocol: degradationProtocol.create({ tile: 112 }),
    method: methodOf('random'),
    modelName: 'demo',
    dataset: await openDataset(root, { classes: 10 }),
    samples: 10,
    seed: 0,
    explained: 'label',
    part: { rank: 0, size: 1 },
    ...more,
  }
}

async function execute(plan: RunPlan, out: string, signal = new AbortController().signal) {
  const learning = learningImages(plan.dataset)
  return await executePlan(plan, model, { folder: out, resume: true, learning, rows: undefined, signal })
}

test('everything that decides the values of a run tells it apart, files by their content', async t => {
  const root = await makeData(2)
  const file = async (content: string) => {
    const path = join(await mkdtemp(join(folder, 'file-')), 'file.safetensors')
    await writeFile(path, content)
    return path
  }
  const [a, sameAsA, b] = [await file('a'), await file('a'), await file('b')]
  const header = async (more: Partial<RunPlan> = {}, network = model) => {
    const plan = await planOf(root, more)
    return await headerOf(plan, network, learningImages(plan.dataset))
  }
  const fields = async (x: Partial<RunPlan>, y: Partial<RunPlan>) =>
    differences(await header(x), await header(y)).map(({ field }) => field)

  for (const [method, need] of [
    ['per-sample', 'statistics'],
    ['pattern-attribution', 'patterns'],
    ['readout', 'readout'],
  ] as const) {
    const withFile = (path: string) => ({ method: methodOf(method, { files: { [need]: path } }) })
    t.deepEqual(await fields(withFile(a), withFile(b)), [`method.resources.${need}`])
    t.deepEqual(await fields(withFile(a), withFile(sameAsA)), [])
  }
  t.deepEqual(await fields({}, { seed: 1 }), ['data.seed'])
  t.deepEqual(await fields({}, { samples: 1 }), ['data.samples', 'data.list'])
  t.deepEqual(await fields({}, { explained: 'predicted' }), ['settings.explained'])
  t.deepEqual(await fields({}, { part: { rank: 0, size: 2 } }), ['part.size'])
  const method = (options: EvaluatedMethod['options']) => ({ method: methodOf('smoothgrad', { options }) })
  t.deepEqual(await fields(method({ samples: 3 }), method({ samples: 4 })), ['method.options.samples'])
  t.deepEqual(await fields(method({ batch: 3, rows: 8 }), method({ batch: 4 })), [])
  const protocol = degradationProtocol.create({ tile: 56 })
  t.deepEqual(await fields({}, { protocol }), ['protocol', 'settings.tile'])
  const labels = await fields({}, { dataset: relabelled((await planOf(root)).dataset) })
  t.deepEqual(labels, ['data.list'])

  await using other = await loadModel('resnet18', { weights: 'seeded:1', classes: 10, device: 'cpu' })
  const networks = differences(await header(), await header({}, other)).map(({ field }) => field)
  t.true(networks.includes('model.weightHash') && networks.includes('model.preprocessing.resize'))
  const older = await header()
  await using rounding = await loadModel('demo', { device: 'cpu', precision: 'bfloat16' })
  t.deepEqual(
    differences(older, await header({}, rounding)).map(({ field }) => field),
    ['model.precision'],
  )
  const changedVersion = { ...older, versions: { ...older.versions, package: '0.0.1', node: '1.0.0' } }
  t.deepEqual(
    differences(changedVersion, older).map(({ field }) => field),
    ['version'],
  )
  t.deepEqual(differences({ ...older, model: { ...older.model, device: 'cuda:0' } }, older), [])
})

function relabelled(dataset: RunPlan['dataset']): RunPlan['dataset'] {
  const [first, ...others] = dataset.samples
  return { ...dataset, samples: [{ ...first!, target: (first!.target + 1) % 10 }, ...others] }
}

test('of a model file with several outputs, the explained one tells runs apart', async t => {
  const path = join(folder, 'two-outputs.onnx')
  const nodes = [
    { operation: 'Relu', inputs: ['images'], outputs: ['activations'] },
    { operation: 'GlobalAveragePool', inputs: ['activations'], outputs: ['pooled'] },
    { operation: 'Flatten', inputs: ['pooled'], outputs: ['means'] },
    { operation: 'Add', inputs: ['means', 'means'], outputs: ['sums'] },
  ]
  const input = { name: 'images', shape: ['batch', 3, 'height', 'width'] }
  await writeFile(path, onnxFile({ nodes, input, output: ['means', 'sums'], opset: 13 }))
  const plan = await planOf(await makeData(1), { modelName: path })
  const header = async (output: string) => {
    await using network = await loadFile(path, 32, { output })
    return await headerOf(plan, network, learningImages(plan.dataset))
  }
  const means = await header('means')
  t.is(means.model.output, 'means')
  const fields = differences(means, await header('sums')).map(({ field }) => field)
  t.true(fields.includes('model.output') && !fields.includes('model.file'), fields.join())
})

test('of a model file the content counts, and names its results', async t => {
  const root = await makeData(1)
  const path = async (name: string, content: string) => {
    const file = join(await mkdtemp(join(folder, 'model-')), name)
    await writeFile(file, content)
    return file
  }
  const named = async (modelName: string) => {
    const plan = await planOf(root, { modelName })
    return await headerOf(plan, model, learningImages(plan.dataset))
  }
  const a = await named(await path('Größe ü.pt2', 'a'))
  const sameAsA = await named(await path('Größe ü.pt2', 'a'))
  const b = await named(await path('Größe ü.pt2', 'b'))
  t.deepEqual(differences(a, sameAsA), [])
  t.deepEqual(
    differences(a, b).map(({ field }) => field),
    ['model.file'],
  )
  t.regex(resultPath('out', a), /^out\/gr-e-[0-9a-f]{8}\.random\.degradation-112\.json$/)
  t.not(resultPath('out', a), resultPath('out', b))
  const long = await named(await path(`${'x'.repeat(240)}.pt2`, 'a'))
  t.true(resultPath('', long).length < 255)
})

test('the images that changed networks learn from tell a run apart', async t => {
  const root = await makeData(2)
  const protocol = sanityProtocol.create()
  const header = async (method: string) => {
    const plan = await planOf(root, { protocol, method: methodOf(method), samples: 1 })
    return await headerOf(plan, model, learningImages(plan.dataset))
  }
  const [before, without] = [await header('patternnet'), await header('random')]
  for (const [i, { path }] of (await planOf(root)).dataset.samples.entries())
    await copyFile((await demoSamples())[5 + i]!.path, path)
  t.deepEqual(
    differences(before, await header('patternnet')).map(({ field }) => field),
    ['method.learning'],
  )
  t.deepEqual(differences(without, await header('random')), [])
})

test('a run is not taken up again, nor taken for done, once an image was changed', async t => {
  const root = await makeData(3)
  const out = join(root, 'out')
  const plan = await planOf(root)
  const whole = await execute(plan, out)
  t.deepEqual((await execute(plan, out)).records, whole.records)
  t.true(whole.records.every(({ image }) => /^[0-9a-f]{32}$/.test(image!)))

  const changed = plan.dataset.samples[1]!.path
  await copyFile((await demoSamples())[7]!.path, changed)
  const complaint = {
    code: 'RUN',
    message: new RegExp(`The image '${changed}' was changed since '.*\\.json'`),
  }
  await t.throwsAsync(execute(plan, out), complaint)

  // The same for a run that was interrupted.
  await rm(out, { recursive: true })
  const stopped = new AbortController()
  const stoppable = { ...plan, method: methodOf('saliency') }
  const learning = learningImages(plan.dataset)
  const running = executePlan(stoppable, model, {
    ...{ folder: out, resume: true, learning, rows: undefined, signal: stopped.signal },
    onProgress: done => {
      if (done >= 2) stopped.abort()
    },
  })
  await t.throwsAsync(running, { any: true })
  t.deepEqual(await readdir(out), ['demo.saliency.degradation-112.jsonl'])
  await copyFile((await demoSamples())[8]!.path, changed)
  await t.throwsAsync(execute(stoppable, out), {
    code: 'RUN',
    message: /was changed since '.*\.jsonl' was evaluated/,
  })
})
