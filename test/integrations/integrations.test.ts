import { type ChildProcess, spawn } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { answers, run } from '../../lib/install/process.mjs'
import { packageRoot } from '../../lib/native/packages.mjs'
import { readBlocks } from '../support/documentation.js'
import { lambdaEnvironment, sendingClient, startRuntimeApi } from '../support/lambda.js'
import { npmRegistry, type Requirement, testNeeding } from '../support/requirements.js'
import { runTool, ToolProjects, toolEnvironment } from '../support/tool-projects.js'

// The recipes of docs/integrations.md, as they stand there, with the tools themselves.

const page = 'docs/integrations.md'
const tools = {
  jest: '30',
  vitest: '4',
  vite: '8',
  esbuild: '0.28',
  webpack: '5',
  'webpack-cli': '7',
  bun: '1',
  deno: '2',
}
const next = { next: '16', react: '19', 'react-dom': '19' }
const used = { '@electron/asar': '3', 'aws-lambda-ric': '4' }

/** They fetch some hundred megabytes and take minutes. */
function asked(): Requirement {
  return {
    isMet: process.env.IBA_INTEGRATIONS === '1',
    missing: 'the tools of docs/integrations.md are left out',
    remedy: 'npm run test:integrations',
  }
}

const requirement = asked().isMet ? await npmRegistry() : asked()
const recipe = testNeeding(requirement)
const folder = mkdtempSync(join(tmpdir(), 'iba-integrations-'))
const projects = new ToolProjects(folder, page)
test.after.always(() => {
  projects.close()
  rmSync(folder, { recursive: true, force: true })
})

const words = (wanted: Record<string, string>) =>
  Object.entries(wanted).map(([name, version]) => `${name}@${version}`)

/** The project of most tools, and what is used from outside of projects. */
let shared: string
let outside: string
if (requirement.isMet)
  test.serial.before(async () => {
    shared = await projects.install('project', words(tools), 'link')
    outside = await projects.installTools('outside', words(used))
  })

/** Runs one of the tools that share a project, in its folder of it. */
function call(t: ExecutionContext, at: string, command: string, ...given: string[]): Promise<string> {
  return runTool(t, { project: shared, at }, command, ...given)
}

const made = /a map of 224 x 224 in a picture/

recipe('Jest loads it with require, and takes what tests make', async t => {
  const place = projects.layOut('jest', shared)
  t.regex(await call(t, place, 'jest', '--rootDir', place), /1 passed/)
})

recipe('Vitest runs it with vmThreads and with the other pools', async t => {
  const place = projects.layOut('vitest', shared)
  for (const pool of ['vmThreads', 'threads', 'forks'])
    t.regex(await call(t, place, 'vitest', 'run', '--root', place, `--pool=${pool}`), /1 passed/, pool)
})

recipe('esbuild leaves it out of its bundle', async t => {
  const place = projects.layOut('esbuild', shared)
  const [command] = readBlocks(page).filter(({ text }) => text.startsWith('esbuild '))
  await call(t, place, ...(command!.text.trim().split(' ') as [string, ...string[]]))
  t.regex(await call(t, place, 'node', 'out.mjs'), made)
})

recipe('webpack leaves it out of its bundle', async t => {
  const place = projects.layOut('webpack', shared)
  cpSync(join(projects.layOut('esbuild', shared), 'map.mjs'), join(place, 'map.mjs'))
  await call(t, place, 'webpack')
  t.regex(await call(t, place, 'node', join('dist', 'out.mjs')), made)
})

recipe("Vite's server build leaves it out by itself", async t => {
  const place = projects.layOut('vite', shared)
  cpSync(join(projects.layOut('esbuild', shared), 'map.mjs'), join(place, 'map.mjs'))
  await call(t, place, 'vite', 'build', '--ssr', 'map.mjs')
  t.regex(await call(t, place, 'node', join('dist', 'map.mjs')), made)
})

recipe('Bun and Deno run what Node runs', async t => {
  const place = projects.layOut('esbuild', shared)
  t.regex(await call(t, place, 'bun', 'map.mjs'), made)
  t.regex(await call(t, place, 'deno', 'run', '--allow-all', 'map.mjs'), made)
})

recipe("Next's standalone output has all that a route needs", async t => {
  const place = await projects.install('next', words(next), 'copy')
  projects.layOut('next', folder)
  for (const bundler of ['--webpack', '--turbopack']) {
    await runTool(t, { project: place, at: place }, 'next', 'build', bundler)
    // Where no folder above has packages.
    const alone = join(folder, `standalone${bundler}`)
    renameSync(join(place, '.next', 'standalone'), alone)
    await serves(t, alone, bundler)
    rmSync(alone, { recursive: true })
  }
})

/** Whether the server of a standalone output answers the route with a picture. */
async function serves(t: ExecutionContext, alone: string, bundler: string): Promise<void> {
  const port = 20_000 + (process.pid % 20_000)
  const env = { ...toolEnvironment, PORT: String(port), HOSTNAME: '127.0.0.1' }
  const server = spawn(process.execPath, ['server.js'], {
    cwd: alone,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  try {
    for (let tries = 0; !/Ready|Error/.test(printed) && tries < 600; tries++) await pause(100)
    const answer = await fetch(`http://127.0.0.1:${port}/map`)
    t.is(answer.status, 200, `${bundler}: ${printed}`)
    t.is(Buffer.from(await answer.arrayBuffer()).toString('latin1', 1, 4), 'PNG', bundler)
  } finally {
    server.kill()
  }
}

// Electron itself can't be had from npm's registry. To it, an archive is a folder in which JavaScript finds all that was packed;
// the system's loader and what reads files natively find nothing there.
recipe('an archive of Electron works with what native code reads beside it', async t => {
  const place = await projects.install('electron', [], 'copy')
  projects.layOut('electron', folder)
  cpSync(join(projects.layOut('esbuild', shared), 'map.mjs'), join(place, 'map.mjs'))
  const { packagerConfig } = createRequire(import.meta.url)(join(place, 'forge.config.cjs'))
  const resources = join(folder, 'resources')
  const archive = join(resources, 'app.asar')
  const asar = (...given: string[]) => runTool(t, { project: outside, at: folder }, 'asar', ...given)
  await asar('pack', place, archive, '--unpack-dir', packagerConfig.asar.unpackDir)
  await asar('extract', archive, join(resources, 'seen'))
  rmSync(archive)
  renameSync(join(resources, 'seen'), archive)
  for (const name of ['attribution-bottleneck', '@attribution-bottleneck'])
    hideFromNativeCode(join(archive, 'node_modules', name))
  t.regex(await call(t, resources, 'node', join('app.asar', 'map.mjs')), made)

  renameSync(`${archive}.unpacked`, join(resources, 'elsewhere'))
  const { code, output } = await run(process.execPath, [join(archive, 'map.mjs')], { env: toolEnvironment })
  t.is(code, 1)
  t.regex(output, /unpacked from the archive/)
})

function hideFromNativeCode(place: string): void {
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  for (const { parentPath, name } of files)
    if (!['.js', '.cjs', '.mjs', '.json'].includes(extname(name))) truncateSync(join(parentPath, name))
}

const mapped = process.getuid?.() === 0 ? [] : ['--map-root-user']
const mounting: Requirement = {
  isMet: answers('unshare', ['--mount', ...mapped, 'true']),
  missing: 'folders can be mounted by nobody',
  remedy: "util-linux's unshare, in a container with --privileged",
}

testNeeding(requirement.isMet ? mounting : requirement)(
  "AWS Lambda's client calls a handler, with nothing to write to but /tmp",
  async t => {
    const place = await projects.install('lambda', [], 'copy')
    projects.layOut('lambda', folder)
    const client = join(place, 'node_modules', 'aws-lambda-ric')
    for (const name of ['aws-lambda-ric', '@aws'])
      cpSync(join(outside, 'node_modules', name), join(place, 'node_modules', name), { recursive: true })
    writeFileSync(join(client, 'rapid-client.node'), '')
    writeFileSync(join(place, 'sending-client.cjs'), sendingClient)

    const dockerfile = readFileSync(join(place, 'Dockerfile'), 'utf8')
    const [node, ...entry] = lastWords(dockerfile, 'ENTRYPOINT')
    const [handler] = lastWords(dockerfile, 'CMD')
    t.is(node, 'node')
    const image = readFileSync(join(packageRoot, 'demo', 'images', '01-teapot.jpg')).toString('base64')
    const api = await startRuntimeApi({ body: image, isBase64Encoded: true })
    // The image's folder is seen at /mnt, and nothing can be written but in an empty /tmp.
    const mounts = [
      `mount --bind ${place} /mnt`,
      'mount -t tmpfs tmpfs /tmp',
      'mount -o remount,bind,ro /mnt',
      'mount -o remount,bind,ro /',
      '! touch /mnt/written 2> /dev/null',
      'cd /mnt',
      `exec "$0" --require ./sending-client.cjs ${entry.join(' ')}`,
    ]
    const more = { HOME: '/tmp', TMPDIR: '/tmp' }
    const env = { ...toolEnvironment, ...more, ...lambdaEnvironment(api.address, '/mnt', handler!) }
    const given = ['--mount', ...mapped, 'sh', '-ec', mounts.join('\n'), process.execPath]
    const child = spawn('unshare', given, { env, stdio: ['ignore', 'inherit', 'inherit'] })
    t.teardown(() => {
      child.kill()
      api.close()
    })
    const { kind, body } = await Promise.race([api.answer, ended(child)])
    t.is(kind, 'response', JSON.stringify(body))
    t.like(body, { statusCode: 200, isBase64Encoded: true, headers: { 'content-type': 'image/png' } })
    t.is(Buffer.from(body.body, 'base64').toString('latin1', 1, 4), 'PNG')
  },
)

/** The words of the last instruction of that name that is written as JSON. */
function lastWords(dockerfile: string, instruction: string): string[] {
  const found = [...dockerfile.matchAll(new RegExp(`^${instruction} (\\[.*\\])$`, 'gm'))].at(-1)
  return JSON.parse(found![1]!) as string[]
}

/** Fails when a program ends. */
function ended(child: ChildProcess): Promise<never> {
  return new Promise((_, reject) => {
    child.on('exit', code => reject(new Error(`it ended with ${code}`)))
  })
}
