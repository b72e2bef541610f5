import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from '../setup/paths.mjs'

/** A script of this folder in a Python of its own, which waits while we are measured. */
export interface Python extends AsyncDisposable {
  /** Sends a line and waits for the answer. */
  ask(line: string): Promise<Record<string, unknown>>
  /** Why it can't be measured here: a library that is missing. */
  missing?: string
}

/** Starts a script, and waits for its greeting. */
export async function startPython(script: string, words: readonly string[]): Promise<Python> {
  const path = join(root, 'scripts', 'bench', script)
  const python = spawn('python3', [path, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
  const failed = new Promise<never>((_, reject) => python.on('error', reject))
  const ended = Promise.race([once(python, 'close'), failed])
  ended.catch(() => {}) // is met where the next line is waited for
  const lines = createInterface(python.stdout)[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await Promise.race([lines.next(), failed])
    if (done) throw new Error(`${script} ended early; it says why above.`)
    return JSON.parse(value) as Record<string, unknown>
  }
  const greeting = await answer().catch((error: Error) => ({ missing: error.message }))
  return {
    ...('missing' in greeting && { missing: String(greeting.missing) }),
    async ask(line) {
      python.stdin.write(`${line}\n`)
      return await answer()
    },
    async [Symbol.asyncDispose]() {
      python.stdin.end()
      await ended.catch(() => {})
    },
  }
}
