import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { run } from '../../lib/install/process.mjs'
import { loadAddon } from '../../lib/native/load.js'
import { root } from '../../scripts/setup/paths.mjs'
import { fakeLibTorch, fakePython, temporaryFolder } from '../support/setup.js'

/** What a program prints in a process of its own, where nothing is loaded yet. */
async function printed(
  t: ExecutionContext,
  program: string,
  env: Record<string, string> = { LIBTORCH: loadAddon().libtorch.folder },
): Promise<string> {
  const library = pathToFileURL(join(root, 'dist', 'lib', 'index.js')).href
  const code = `import { performance } from 'node:perf_hooks'
    import * as iba from '${library}'\n${program}`
  const child = await run(process.execPath, ['--input-type=module', '-e', code], {
    env: { ...process.env, ...env },
  })
  t.is(child.code, 0, child.output)
  return child.output.trim()
}

test('warming up loads everything while the event loop goes on', async t => {
  const output = await printed(
    t,
    `const started = performance.now()
    let [longest, last] = [0, started]
    const tick = () => {
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
    }
    const timer = setInterval(tick, 1)
    await iba.warmUp()
    tick()
    clearInterval(timer)
    const seconds = performance.now() - started
    iba.architectures()
    console.log(JSON.stringify({ share: longest / seconds, after: performance.now() - started - seconds }))`,
  )
  const { share, after } = JSON.parse(output)
  t.true(share < 0.5, `the event loop stood still for ${share} of the time`)
  t.true(after < 100, `what was loaded is there: ${after} ms`)
})

test('who does not wait for it loads at once, and both have the same', async t => {
  const output = await printed(
    t,
    `const warming = Promise.all([iba.warmUp(), iba.warmUp()])
    const names = iba.architectures().length
    await warming
    const model = await iba.loadModel('demo')
    console.log(names > 10, model.architecture, iba.architectures().length === names)`,
  )
  t.is(output, 'true resnet18 true')
})

test('what is missing is told, and is found by a later call', async t => {
  const output = await printed(
    t,
    `const found = process.env.LIBTORCH
    process.env.LIBTORCH = '/nowhere'
    const error = await iba.warmUp().catch(error => error)
    console.log(error.code, error.message.includes('/nowhere: does not exist'))
    process.env.LIBTORCH = found
    await iba.warmUp()
    console.log(iba.architectures().length > 10)`,
  )
  t.is(output, 'NATIVE true\ntrue')
})

test('python3 is asked meanwhile, and its answer is the same', async t => {
  const folder = temporaryFolder(t)
  const torch = fakeLibTorch(join(folder, 'torch'), '2.12.0')
  const env = { LIBTORCH: '', PATH: fakePython(join(folder, 'bin'), torch), IBA_CACHE: join(folder, 'cache') }
  const output = await printed(
    t,
    `const later = await iba.warmUp().catch(error => error.message)
    let atOnce
    try {
      iba.architectures()
    } catch (error) {
      atOnce = error.message
    }
    console.log(later === atOnce, later)`,
    env,
  )
  t.regex(output, /^true [\s\S]*found 2\.12\.0 at/)
})
