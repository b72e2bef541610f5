import type { Command } from 'commander'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { instructionsOf, readFlags } from '../foundation/processor.js'
import { whyNoCuda } from '../model/device.js'
import { addon, type RuntimeCalls } from '../native/addon.js'
import { callNative } from '../native/call.js'
import { describeInstallation, type Installation } from '../native/load.js'
import { addJsonOption } from './common-options.js'
import { IncompleteError } from './exit.js'
import { printJson, printTable } from './output.js'
import { publishedFiles } from './published-files.js'

/** What `iba doctor --json` prints. */
interface Findings extends Installation {
  runtime: ReturnType<RuntimeCalls['describeRuntime']> | null
  /** Instructions of the processor's that decide how fast networks run, as far as the system tells them. */
  instructions: string[]
  /** Seconds of the same convolution in both types on the processor. */
  convolution: { float32: number; bfloat16: number } | null
  cache: string
  downloadedWeights: string[]
}

/** Adds `iba doctor`. */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .summary('check the installation')
    .description(
      'Says which LibTorch and which devices are used, and why others are not, and what networks in bfloat16 would gain ' +
        'on the processor, which it measures with one convolution. Ends with 1 if the native add-on ' +
        "can't be loaded.",
    )
  addJsonOption(command).action(examine)
}

async function examine({ json }: { json?: boolean }): Promise<void> {
  const installation = describeInstallation()
  const works = installation.problem === null
  const findings: Findings = {
    ...installation,
    cudaReason: works ? whyNoCuda() : installation.cudaReason,
    runtime: works ? addon().describeRuntime() : null,
    instructions: instructionsOf(readFlags()),
    convolution: works ? await callNative(() => addon().probePrecisions()) : null,
    cache: cacheFolder(),
    downloadedWeights: publishedFiles().flatMap(({ path }) => path ?? []),
  }
  if (json) printJson(findings)
  else printTable(null, rowsOf(findings))
  if (findings.problem !== null)
    throw new IncompleteError(`The native add-on can't be loaded.\n${findings.problem}`)
}

function rowsOf(findings: Findings): string[][] {
  const { node, platform, addon, libtorch, tried, runtime, convolution, cache, downloadedWeights } = findings
  const cached = downloadedWeights.map(path => ['weights', path])
  return [
    ['Node', node],
    ['platform', platform],
    ['add-on', addon ?? 'not loaded'],
    [
      'LibTorch',
      libtorch ? `${libtorch.version}, ${libtorch.folder} (found by ${origins[libtorch.origin]})` : 'none',
    ],
    ...tried.map(({ place, reason }) => ['  passed over', `${place}: ${reason}`]),
    ...(runtime ? [['processor', processorText(runtime, findings.instructions)]] : []),
    ...(convolution ? [['bfloat16', bfloat16Text(convolution)]] : []),
    ['CUDA', cudaText(findings)],
    ['cache', cache],
    ...(cached.length > 0 ? cached : [['weights', 'none downloaded']]),
  ]
}

const origins = {
  LIBTORCH: 'the variable LIBTORCH',
  package: 'the package that this project depends on',
  python3: "python3's torch",
  project: 'what was fetched for this project',
  cache: 'our cache',
}

function processorText(
  { cpuCapability, threads }: NonNullable<Findings['runtime']>,
  instructions: readonly string[],
): string {
  const used = `${cpuCapability}, ${threads} threads`
  return instructions.length > 0 ? `${used}; it has ${instructions.join(', ')}` : used
}

/** What --precision bfloat16 would gain. */
function bfloat16Text({ float32, bfloat16 }: NonNullable<Findings['convolution']>): string {
  const [full, rounded] = [float32, bfloat16].map(seconds => `${(seconds * 1000).toFixed(1)} ms`)
  const change =
    bfloat16 < float32
      ? `${(float32 / bfloat16).toPrecision(2)} times as fast`
      : `${(bfloat16 / float32).toPrecision(2)} times as slow`
  return `${change} on the processor: a convolution takes ${rounded}, in float32 ${full}`
}

function cudaText({ runtime, cudaReason }: Findings): string {
  if (!runtime) return 'not known'
  if (cudaReason !== null) return `no: ${cudaReason}`
  return `yes, ${runtime.cudaDevices} ${runtime.cudaDevices === 1 ? 'device' : 'devices'}`
}
