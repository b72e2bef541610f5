import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

const main = fileURLToPath(new URL('../../lib/command/main.js', import.meta.url))

/** A network that has learnt nothing, and images so small that a step takes some tens of milliseconds: what is tested is
 * the command. */
export const network = [
  '--model',
  'resnet18',
  '--weights',
  'seeded:0',
  '--device',
  'cpu',
  '--resize',
  '64',
  '--crop',
  '64',
]

/** What a command ended with. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface StartOptions {
  cwd?: string
  env?: Record<string, string>
  /** A file in place of the pipe. */
  stdout?: number
}

/** Starts `iba` as a process of its own. */
export function startIba(words: readonly string[], { cwd, env, stdout }: StartOptions = {}): ChildProcess {
  return spawn(process.execPath, [main, ...words], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
  })
}

/** Runs `iba` to its end. */
export async function iba(words: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return await ended(startIba(words, options))
}

/** Waits for the end of a command, and gathers what it prints. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text
    })
  }
  const code = await new Promise<number | null>(resolve => child.on('close', resolve))
  return { code, ...printed }
}

/** An empty folder, and how to remove it. */
export async function makeFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'iba-command-'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Writes a small picture; the ending of the path decides the format. */
export async function writePicture(path: string, variant: number): Promise<void> {
  const [width, height] = [72, 64]
  const pixels = new Uint8Array(width * height * 3).map((_, i) => (i * (variant + 3) * 7) % 251)
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .blur(2)
    .toFile(path)
}
