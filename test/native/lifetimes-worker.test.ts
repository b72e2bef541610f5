import test from 'ava'
import { type ChildResult, preamble, runModule } from '../support/child.js'

const ending = ({ code, signal, stdout, stderr }: ChildResult) => ({ code, signal, stdout, stderr })
const ended = (code: number, stdout = '') => ({ code, signal: null, stdout, stderr: '' })

/** A script whose workers run `inWorker`; `port` is the worker's. */
function withWorkers(inWorker: string, inMain: string): string {
  const source = `import { parentPort as port } from 'node:worker_threads'\n${preamble}${inWorker}`
  const url = `data:text/javascript,${encodeURIComponent(source)}`
  return `
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    const start = () => new Worker(new URL(${JSON.stringify(url)}))
    ${inMain}`
}

const endless =
  'const a = await attributer({ steps: 100_000 })\na.attribute(noiseImages(4), { onProgress: () => port.postMessage(0) })'

test.serial('a worker thread attributes and ends by itself', async t => {
  const script = withWorkers(
    'port.postMessage((await (await attributer({})).attribute(noiseImages(2))).length)',
    `const worker = start()
     const [length] = await once(worker, 'message')
     console.log(length, ...(await once(worker, 'exit')))`,
  )
  t.deepEqual(ending(await runModule(script)), ended(0, '2 0\n'))
})

test.serial('two workers and the main thread at once get the same map', async t => {
  const script = withWorkers(
    'port.postMessage((await (await attributer({})).attribute(noiseImage()))[0].map.data)',
    `const workers = [start(), start()]
     const here = attributer({}).then(a => a.attribute(noiseImage()))
     const maps = await Promise.all(workers.map(worker => once(worker, 'message')))
     const [own] = await here
     console.log(maps.every(([map]) => map.length > 0 && map.every((value, i) => value === own.map.data[i])))`,
  )
  t.deepEqual(ending(await runModule(script)), ended(0, 'true\n'))
})

test.serial('worker.terminate in the middle of work ends that worker alone, every time', async t => {
  const script = withWorkers(
    endless,
    `const mine = await attributer({ steps: 5 })
     for (let i = 0; i < 5; i++) {
       const worker = start()
       await once(worker, 'message')
       await worker.terminate()
       console.log((await mine.attribute(noiseImage())).length)
     }`,
  )
  const result = await runModule(script)
  t.deepEqual(ending(result), ended(0, '1\n'.repeat(5)))
  t.true(result.seconds < 40)
})

test.serial('worker.terminate while a model loads does no harm', async t => {
  const script = withWorkers(
    'smallModel(); port.postMessage(0); await pause(1e5)',
    `for (let i = 0; i < 5; i++) {
       const worker = start()
       await once(worker, 'message')
       await worker.terminate()
     }
     console.log((await smallModel()).architecture)`,
  )
  t.deepEqual(ending(await runModule(script)), ended(0, 'resnet18\n'))
})

test.serial('process.exit inside a worker in the middle of work ends the worker', async t => {
  const script = withWorkers(
    `${endless}\nsetTimeout(() => process.exit(7), 200)`,
    `console.log(...(await once(start(), 'exit')))`,
  )
  t.deepEqual(ending(await runModule(script)), ended(0, '7\n'))
})

test.serial('process.exit of the main thread does not wait for the work of a worker', async t => {
  const script = withWorkers(
    endless,
    `await smallModel()
     await once(start(), 'message')
     process.exit(3)`,
  )
  const result = await runModule(script)
  t.deepEqual(ending(result), ended(3))
  t.true(result.seconds < 20)
})
