import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { demo } from '../../lib/index.js'
import type { NumberType } from '../../lib/native/model-calls.js'

const main = fileURLToPath(new URL('../../lib/command/main.js', import.meta.url))

/** What is sent to it. */
export function photograph(): Promise<Buffer> {
  return readFile(join(demo.images, '01-teapot.jpg'))
}

/** A server that is measured. */
export interface Server {
  url: string
  stop: () => Promise<void>
}

/** A server of the demo network as a process of its own, so that its numbers are not those of who measures. */
export async function startServer(precision: NumberType, words: readonly string[]): Promise<Server> {
  const network = ['--model', 'demo', '--device', 'cpu', '--precision', precision]
  const usual = [...network, '--port', '0', '--timeout', '600', '--quiet']
  const child = spawn(process.execPath, [main, 'serve', ...usual, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const url = await addressOf(child)
  const stop = () =>
    new Promise<void>(resolve => {
      child.on('close', () => resolve())
      child.kill('SIGTERM')
    })
  while ((await fetch(`${url}/ready`)).status !== 200) await new Promise(resolve => setTimeout(resolve, 50))
  return { url, stop }
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr!.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      const found = /at (http:\/\/\S+);/.exec(text)?.[1]
      if (found) resolve(found)
    })
    child.on('close', () => reject(new Error(text)))
  })
}

/** The server's own numbers since it was last asked. */
export async function metrics(url: string): Promise<(name: string) => number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return name => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}
