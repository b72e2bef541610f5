import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ChildResult {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  seconds: number
}

const library = new URL('../../lib/index.js', import.meta.url).href
const native = new URL('../../lib/native/addon.js', import.meta.url).href
const small = new URL('./small-model.js', import.meta.url).href

/** What scripts of tests begin with. */
export const preamble = `
import * as iba from ${JSON.stringify(library)}
import { addon } from ${JSON.stringify(native)}
import { noiseImage, noiseImages, smallModel, smallStatistics } from ${JSON.stringify(small)}
const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds))
async function attributer(options) {
  const model = await smallModel()
  return iba.perSample(model, { statistics: await smallStatistics(model), ...options })
}
`

/** Runs a module in a Node of its own. `ending` is the file's: 'mjs', or 'cjs' for CommonJS. */
export async function runChild(
  source: string,
  { ending = 'mjs', flags = [] as readonly string[], limit = 180_000 } = {},
): Promise<ChildResult> {
  const folder = await mkdtemp(join(tmpdir(), 'child-'))
  try {
    const path = join(folder, `script.${ending}`)
    await writeFile(path, source)
    return await run([...flags, path], limit)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** As `runChild`, with the preamble in front. */
export function runModule(source: string, flags: readonly string[] = []): Promise<ChildResult> {
  return runChild(preamble + source, { flags })
}

function run(args: string[], limit: number): Promise<ChildResult> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limit })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', text => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr, seconds: (performance.now() - started) / 1000 })
    })
  })
}
