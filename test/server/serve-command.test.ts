import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { ended, iba, makeFolder, network, startIba } from '../support/command.js'
import { decoded, get, picture, post } from '../support/server.js'

process.env.IBA_THREADS ??= '1'

interface Started {
  child: ChildProcess
  url: string
  /** What it ends with. */
  end: ReturnType<typeof ended>
}

/** Starts `iba serve` and waits until it says where it listens. */
async function serve(words: readonly string[], env: Record<string, string> = {}): Promise<Started> {
  const child = startIba(['serve', '--port', '0', ...words], { env })
  const end = ended(child)
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stderr!.on('data', (piece: string) => {
      text += piece
      const found = /at (http:\/\/\S+);/.exec(text)?.[1]
      if (found) resolve(found)
    })
    child.on('close', () => reject(new Error(text)))
  })
  return { child, url, end }
}

test('a network is served until the process is told to end', async t => {
  const { child, url, end } = await serve([...network, '--quiet'])
  t.regex(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  const { json } = await get(`${url}/v1/models`)
  t.like(json.models[0], { name: 'resnet18', height: 64, defaultMethod: 'grad-cam' })
  const answer = await post(`${url}/v1/attribute`, await picture())
  t.is(answer.status, 200)
  t.is(answer.json.method, 'grad-cam')
  child.kill('SIGTERM')
  t.is((await end).code, 0)
})

test('a server that is killed amid a hundred requests has answered wholly or not at all, and starts again', async t => {
  const first = await serve([...network, '--quiet'])
  const image = await picture()
  const port = new URL(first.url).port
  const answers = new Map<number, string>()
  const failed = new Set<number>()
  /** Asks for each of the maps, 16 at a time. */
  const ask = async (seeds: Iterable<number>, done: (seed: number, map: string) => void) => {
    const rest = [...seeds]
    const worker = async () => {
      for (let seed = rest.shift(); seed !== undefined; seed = rest.shift()) {
        const url = `http://127.0.0.1:${port}/v1/attribute?method=smoothgrad&samples=4&seed=${seed}`
        const answer = await post(url, image).catch((error: Error) => error)
        if (answer instanceof Error) failed.add(seed)
        else done(seed, answer.json.map.data)
      }
    }
    await Promise.all(Array.from({ length: 16 }, worker))
  }
  const seeds = Array.from({ length: 100 }, (_, seed) => seed)
  await ask(seeds, (seed, map) => {
    answers.set(seed, map)
    if (answers.size === 40) first.child.kill('SIGKILL')
  })
  await first.end
  t.is(answers.size + failed.size, 100)
  t.true(answers.size >= 40 && failed.size > 0, `${answers.size} answered, ${failed.size} not`)

  const second = await serve([...network, '--port', port, '--quiet'])
  t.is(second.url, first.url)
  const again = [...failed]
  failed.clear()
  await ask(again, (seed, map) => answers.set(seed, map))
  t.deepEqual([answers.size, failed.size], [100, 0])
  // Those from before the end are whole: a map has the same bits whenever it is made alone, and the same values in any batch.
  const values = (map: string) => [...decoded(map)]
  const before = values(answers.get(0)!)
  await ask([0], (_, map) => {
    for (const [i, value] of values(map).entries()) t.true(Math.abs(value - before[i]!) <= 1e-4)
  })
  second.child.kill('SIGTERM')
  t.is((await second.end).code, 0)
})

test('several networks have names, files and keys of their own, and the log is JSON', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  const keys = join(folder, 'keys')
  const names = join(folder, 'names.txt')
  await writeFile(keys, '0123456789abcdef\nfedcba9876543210\n')
  await writeFile(names, Array.from({ length: 1000 }, (_, i) => `thing ${i}`).join('\n'))
  const { child, url, end } = await serve([
    ...[
      '--model',
      'a=resnet18',
      '--model',
      'b=resnet18',
      '--weights',
      'a=seeded:0',
      '--weights',
      'b=seeded:1',
    ],
    ...['--classes', `b=${names}`, '--resize', '64', '--crop', '64', '--api-key-file', keys],
  ])
  t.is((await get(`${url}/v1/models`)).status, 401)
  const headers = { 'x-api-key': 'fedcba9876543210' }
  const { json } = await get(`${url}/v1/models`, headers)
  t.deepEqual(
    json.models.map(({ name }: { name: string }) => name),
    ['a', 'b'],
  )
  const { json: b } = await get(`${url}/v1/models/b`, headers)
  t.is(b.classNames[7], 'thing 7')
  const answer = await post(`${url}/v1/attribute?model=b&target=thing%207`, await picture(), { headers })
  t.deepEqual([answer.json.model, answer.json.className], ['b', 'thing 7'])
  child.kill('SIGTERM')
  const { stdout, stderr } = await end
  const lines = stdout.trim().split('\n')
  for (const line of lines) t.notThrows(() => JSON.parse(line))
  t.true(lines.some(line => JSON.parse(line).res?.statusCode === 401))
  t.false(stdout.includes('fedcba9876543210') || stderr.includes('fedcba9876543210'))
})

const wrong: Record<string, [words: string[], message: RegExp]> = {
  'no model': [[], /--model is missing\. Give the network's name/],
  'a model that there is not': [['--model', 'resnet19'], /resnet19/],
  'two models of one name': [
    ['--model', 'resnet18', '--model', 'resnet18'],
    /Two models are called 'resnet18'\. Name one of them, as in --model other=resnet18/,
  ],
  'a file of which model': [
    ['--model', 'demo', '--model', 'resnet18', '--weights', 'seeded:0'],
    /--weights seeded:0: of which model\? Write --weights demo=seeded:0/,
  ],
  'a file of no model': [['--model', 'demo', '--readout', 'x=y'], /--readout x=y: there is no --model 'x'/],
  'a file given twice': [
    ['--model', 'demo', '--readout', 'a.safetensors', '--readout', 'b.safetensors'],
    /--readout is given twice for demo/,
  ],
  'statistics that are missing': [
    [...network, '--statistics', '/nowhere/x.safetensors'],
    /'\/nowhere\/x\.safetensors'/,
  ],
  'a port that is none': [['--model', 'demo', '--port', '70000'], /whole number from 0 to 65535/],
  'an address that is none': [[...network, '--host', '203.0.113.7'], /Can't listen at 203\.0\.113\.7/],
  'an origin that is more': [
    [...network, '--image-origin', 'https://example.org/a'],
    /an origin such as 'https:\/\/images\.example\.org'/,
  ],
  'a proxy that is no address': [
    [...network, '--trust-proxy', 'nobody'],
    /addresses such as '10\.0\.0\.0\/8'/,
  ],
  'keys that are missing': [[...network, '--api-key-file', '/nowhere/keys'], /nowhere\/keys/],
}

for (const [what, [words, message]] of Object.entries(wrong)) {
  test(`refused: ${what}`, async t => {
    const { code, stderr } = await iba(['serve', '--port', '0', ...words])
    t.not(code, 0)
    t.regex(stderr, message)
    t.notRegex(stderr, /\n {4}at /)
  })
}

test('refused: a port that is taken', async t => {
  const { child, url, end } = await serve([...network, '--quiet'])
  const { code, stdout, stderr } = await iba(['serve', ...network, '--port', new URL(url).port])
  t.is(code, 2)
  t.notRegex(stdout, /cannot explain/)
  t.regex(stderr, /is taken\. Give another --port, or 0/)
  child.kill('SIGTERM')
  await end
})
