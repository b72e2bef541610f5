import test from 'ava'
import { DisposedError, perSample } from '../../lib/index.js'
import { type ChildResult, runChild, runModule } from '../support/child.js'
import { noiseImage, noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

/** How a child ended, with what it wrote to tell why where that is not as expected. */
const ending = ({ code, signal, stdout, stderr }: ChildResult) => ({ code, signal, stdout, stderr })
const ended = (code: number, stdout = '') => ({ code, signal: null, stdout, stderr: '' })

// Work of several minutes, were it not ended before.
const endless = '{ steps: 100_000 }'

test.serial('process.exit in the middle of work ends with its code, soon, every time', async t => {
  const script = `
    const first = await attributer(${endless})
    const others = await Promise.all([attributer(${endless}), attributer(${endless})])
    let steps = 0
    first.attribute(noiseImages(4), { onProgress: () => { if (++steps === 3) process.exit(3) } })
    for (const other of others) other.attribute(noiseImages(4))
    await pause(60_000)`
  for (let i = 0; i < 5; i++) {
    const result = await runModule(script)
    t.deepEqual(ending(result), ended(3))
    t.true(result.seconds < 20)
  }
})

test.serial('process.exit right after a call, and while a model loads, ends with its code', async t => {
  for (const script of [
    'iba.loadModel("vgg11", { weights: "seeded:0", device: "cpu" }); process.exit(4)',
    'const a = await attributer({}); a.attribute(noiseImage()); setImmediate(() => process.exit(4)); await pause(9e4)',
    'addon(); process.exit(4)',
  ]) {
    t.deepEqual(ending(await runModule(script)), ended(4))
  }
})

test.serial('an uncaught error in the middle of work ends with 1, not with a signal', async t => {
  const script = `
    const a = await attributer(${endless})
    a.attribute(noiseImage())
    setTimeout(() => { throw new Error('of the user') }, 100)
    await pause(60_000)`
  const { code, signal, stderr } = await runModule(script)
  t.deepEqual({ code, signal }, { code: 1, signal: null })
  t.regex(stderr, /of the user/)
})

test.serial('the process does not end before pending work is done, and then ends by itself', async t => {
  const script = `
    const a = await attributer({ steps: 50 })
    a.attribute(noiseImages(3)).then(results => console.log('done', results.length))`
  t.deepEqual(ending(await runModule(script)), ended(0, 'done 3\n'))
})

test.serial('a model that was loaded and forgotten keeps no process alive', async t => {
  t.deepEqual(ending(await runModule('await smallModel(); console.log("loaded")')), ended(0, 'loaded\n'))
})

test.serial('garbage collection in the middle of work takes nothing away', async t => {
  const script = `
    let work = (await attributer({ steps: 200 })).attribute(noiseImages(2))
    const timer = setInterval(gc, 5)
    const results = await work
    clearInterval(timer)
    for (let i = 0; i < 20; i++) { await smallModel(); gc() }
    console.log(results.length)`
  t.deepEqual(ending(await runModule(script, ['--expose-gc'])), ended(0, '2\n'))
})

test.serial('a callback that throws in the middle of work does not end the process', async t => {
  const script = `
    const a = await attributer({ steps: 20 })
    const onProgress = () => { throw new Error('of the callback') }
    await a.attribute(noiseImage(), { onProgress }).catch(error => console.log(error.message))
    console.log((await a.attribute(noiseImage())).length)`
  t.deepEqual(ending(await runModule(script)), ended(0, 'of the callback\n1\n'))
})

test.serial('the package can be imported, and required from CommonJS', async t => {
  const path = JSON.stringify(new URL('../../lib/index.js', import.meta.url).pathname)
  const imported = await runChild(
    `import { architectures } from ${path}\nconsole.log(architectures().length > 9)`,
  )
  t.deepEqual(ending(imported), ended(0, 'true\n'))
  const required = await runChild(
    `const { architectures, presets } = require(${path})\nconsole.log(architectures().length > 9, presets.length)`,
    { ending: 'cjs' },
  )
  t.is(required.stdout, 'true 2\n')
  t.is(required.code, 0)
  // Node 20 and 22 call requiring a module experimental, once.
  t.true(required.stderr === '' || /^\(node:\d+\) ExperimentalWarning/.test(required.stderr), required.stderr)
})

test.serial('disposing twice is fine; what was disposed of is refused', async t => {
  const model = await smallModel()
  const statistics = await smallStatistics(model)
  const attributer = perSample(model, { statistics })
  const iba = perSample(model, { statistics })
  for (const thing of [attributer, statistics, model]) {
    thing.dispose()
    thing.dispose()
  }
  const disposed = { instanceOf: DisposedError, code: 'DISPOSED' }
  await t.throwsAsync(attributer.attribute(noiseImage()), disposed)
  await t.throwsAsync(iba.attribute(noiseImage()), disposed)
  await t.throwsAsync(model.logits(noiseImage()), disposed)
  await t.throwsAsync(model.predict(noiseImage()), disposed)
  await t.throwsAsync(model.layers(), disposed)
  await t.throwsAsync(statistics.save('/tmp/never'), disposed)
  t.throws(() => statistics.layer('layer2'), disposed)
  t.throws(() => statistics.merge(statistics), disposed)
  t.throws(() => statistics.description, disposed)
  t.throws(() => perSample(model, { statistics }), disposed)
  t.is(model.architecture, 'resnet18', 'what it was can still be told')
})

test.serial('work that runs while its model is disposed of is completed', async t => {
  const model = await smallModel()
  const statistics = await smallStatistics(model)
  const [expected] = await perSample(model, { statistics, steps: 100 }).attribute(noiseImage())
  let steps = 0
  const onProgress = () => {
    if (++steps !== 2) return
    model.dispose()
    statistics.dispose()
  }
  const [result] = await perSample(model, { statistics, steps: 100 }).attribute(noiseImage(), { onProgress })
  t.deepEqual(result!.map.data, expected!.map.data)
})

test.serial('await using disposes at the end of the block', async t => {
  let kept: Awaited<ReturnType<typeof smallModel>>
  {
    await using model = await smallModel()
    kept = model
    t.is((await model.predict(noiseImages(2))).length, 2)
  }
  await t.throwsAsync(kept.predict(noiseImage()), { instanceOf: DisposedError })
})

test.serial('models, statistics and maps that come and go leave the memory as it was', async t => {
  const soak = JSON.stringify(new URL('../../scripts/soak.js', import.meta.url).href)
  const script = `
    import { hasGrown, soak } from ${soak}
    const memory = await soak(150)
    console.log(hasGrown(memory) ? JSON.stringify(memory) : 'steady')`
  t.deepEqual(ending(await runModule(script, ['--expose-gc'])), ended(0, 'steady\n'))
})
