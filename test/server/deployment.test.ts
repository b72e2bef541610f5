import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parse, parseAllDocuments } from 'yaml'
import { anyLibTorchPackage } from '../../lib/native/packages.mjs'
import { completeLimits } from '../../lib/server/server-options.js'
import { root } from '../../scripts/setup/paths.mjs'
import { ended, iba, network, startIba } from '../support/command.js'
import { get } from '../support/server.js'

process.env.IBA_THREADS ??= '1'

// The files of docs/serving, which need Docker or a cluster to run, against what there is of this package.

const folder = 'docs/serving'
const names = ['Dockerfile', 'Dockerfile.cuda', 'compose.yaml', 'kubernetes.yaml'] as const
const texts = Object.fromEntries(names.map(name => [name, readFileSync(join(root, folder, name), 'utf8')]))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// biome-ignore lint/suspicious/noExplicitAny: files of others' formats, of which tests look into some places
type Loose = any

const resources: Loose[] = parseAllDocuments(texts['kubernetes.yaml']!).map(document => {
  if (document.errors.length > 0) throw document.errors[0]!
  return document.toJS()
})
const ofKind = (kind: string): Loose => resources.find(each => each.kind === kind)
const pod = ofKind('Deployment').spec.template
const [container] = pod.spec.containers
const service = parse(texts['compose.yaml']!).services.iba

/** The words of a Dockerfile's instruction that is written as JSON. */
function wordsOf(file: string, instruction: string): string[] {
  const found = new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(texts[file]!)
  return JSON.parse(found![1]!) as string[]
}

test('commands of containers and of pods are those of the package, with its flags and files', async t => {
  const { stdout: help } = await iba(['serve', '--help'])
  const flagsOf = (words: readonly string[]) => words.filter(word => word.startsWith('--'))
  for (const file of ['Dockerfile', 'Dockerfile.cuda']) {
    const [program, path, command, ...words] = wordsOf(file, 'ENTRYPOINT')
    t.deepEqual(
      [program, path, command],
      ['node', `node_modules/${manifest.name}/${manifest.bin.iba}`, 'serve'],
    )
    for (const flag of flagsOf([...words, ...wordsOf(file, 'CMD')]))
      t.regex(help, new RegExp(`${flag}(?![\\w-])`), flag)
    // What isn't given in brackets would be run by a shell, which keeps SIGTERM to itself.
    t.notRegex(texts[file]!, /^(ENTRYPOINT|CMD) [^[]/m)
    t.regex(texts[file]!, new RegExp(`^USER ${pod.spec.securityContext.runAsUser}$`, 'm'))
  }
  for (const words of [container.args, service.command])
    for (const flag of flagsOf(words)) t.regex(help, new RegExp(`${flag}(?![\\w-])`), flag)
  t.true(existsSync(join(root, 'dist', manifest.bin.iba.replace(/^dist\//, ''))))
})

test('images are built of packages that are published, on a Node that they take', t => {
  const least = Number(/\d+/.exec(manifest.engines.node)![0])
  for (const file of ['Dockerfile', 'Dockerfile.cuda']) {
    const text = texts[file]!
    t.true(Number(/^FROM node:(\d+)-/m.exec(text)![1]) >= least)
    const installed = /npm install --omit=dev ([^&\n]+)/.exec(text)![1]!.trim().split(' ')
    const expected = file === 'Dockerfile' ? [manifest.name, anyLibTorchPackage] : [manifest.name]
    const ownServer = `fastify@${/\d+/.exec(manifest.peerDependencies.fastify)![0]}`
    t.deepEqual(installed, [...expected.map(name => `${name}@\${VERSION}`), ownServer])
    t.regex(text, /^ARG VERSION=/m)
  }
})

test('ports, probes, metrics and keys of the pod are those of the server', async t => {
  const [{ name: portName, containerPort }] = container.ports
  t.deepEqual(ofKind('Service').spec.ports, [{ name: 'http', port: 80, targetPort: portName }])
  const { annotations } = pod.metadata
  t.is(annotations['prometheus.io/port'], String(containerPort))
  for (const file of ['Dockerfile', 'Dockerfile.cuda'])
    t.regex(texts[file]!, new RegExp(`^EXPOSE ${containerPort}$`, 'm'))
  t.deepEqual(service.ports, [`127.0.0.1:${containerPort}:${containerPort}`])

  const keys = container.args[container.args.indexOf('--api-key-file') + 1]
  const mounted = container.volumeMounts.find(({ mountPath }: Loose) => keys.startsWith(`${mountPath}/`))
  t.true(mounted.readOnly)
  const volumes = pod.spec.volumes.map(({ name }: Loose) => name)
  t.deepEqual(
    container.volumeMounts.map(({ name }: Loose) => name),
    volumes,
  )
  // Those for whom it is meant reach it without a key.
  t.true(container.args.includes('--open-metrics'))

  const child = startIba(['serve', '--port', '0', '--quiet', '--open-metrics', ...network], {
    env: { IBA_API_KEY: 'k'.repeat(32) },
  })
  const end = ended(child)
  const url = await new Promise<string>(resolve => {
    let text = ''
    child.stderr!.on('data', (piece: string) => {
      text += piece
      const found = /at (http:\/\/\S+);/.exec(text)?.[1]
      if (found) resolve(found)
    })
  })
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    const { path, port } = container[probe].httpGet
    t.is(port, portName)
    t.true([200, 503].includes((await get(url + path)).status), path)
  }
  const metrics = (await get(url + annotations['prometheus.io/path'])).json as string
  const [{ pods }] = ofKind('HorizontalPodAutoscaler').spec.metrics
  t.true(metrics.includes(`${pods.metric.name}{`))
  const healthcheck = new URL(/http:[^']+/.exec(service.healthcheck.test.join(' '))![0])
  t.is(healthcheck.port, String(containerPort))
  t.true([200, 503].includes((await get(url + healthcheck.pathname)).status))
  t.is((await get(`${url}/v1/models`)).status, 401)
  child.kill('SIGTERM')
  await end
})

test('a pod is found by what selects it, and has the time to end', t => {
  const { labels } = pod.metadata
  t.deepEqual(ofKind('Deployment').spec.selector.matchLabels, labels)
  t.deepEqual(ofKind('Service').spec.selector, labels)
  t.deepEqual(ofKind('PodDisruptionBudget').spec.selector.matchLabels, labels)
  t.like(ofKind('HorizontalPodAutoscaler').spec.scaleTargetRef, {
    kind: 'Deployment',
    name: ofKind('Deployment').metadata.name,
  })
  const { graceSeconds } = completeLimits()
  const pause = Number(container.lifecycle.preStop.exec.command[1])
  t.true(pod.spec.terminationGracePeriodSeconds > graceSeconds + pause)
  t.true(Number.parseInt(service.stop_grace_period, 10) > graceSeconds)
  // As many threads as processors.
  const threads = container.env.find(({ name }: Loose) => name === 'IBA_THREADS').value
  t.is(threads, container.resources.limits.cpu)
})
