import type { Command } from 'commander'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { whyNoCuda } from '../model/device.js'
import { addon } from '../native/addon.js'
import { describeInstallation, type Installation } from '../native/load.js'
import { addJsonOption } from './common-options.js'
import { IncompleteError } from './exit.js'
import { printJson, printTable } from './output.js'
import { publishedFiles } from './published-files.js'

/** What `iba doctor --json` prints. */
interface Findings extends Installation {
  runtime: { libtorch: string; cpuCapability: string; threads: number; cudaDevices: number } | null
  cache: string
  downloadedWeights: string[]
}

/** Adds `iba doctor`. */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .summary('check the installation')
    .description(
      'Says which LibTorch and which devices are used, and why others are not. Ends with 1 if the native add-on ' +
        "can't be loaded.",
    )
  addJsonOption(command).action(examine)
}

function examine({ json }: { json?: boolean }): void {
  const installation = describeInstallation()
  const works = installation.problem === null
  const findings: Findings = {
    ...installation,
    cudaReason: works ? whyNoCuda() : installation.cudaReason,
    runtime: works ? addon().describeRuntime() : null,
    cache: cacheFolder(),
    downloadedWeights: publishedFiles().flatMap(({ path }) => path ?? []),
  }
  if (json) printJson(findings)
  else printTable(rowsOf(findings))
  if (findings.problem !== null)
    throw new IncompleteError(`The native add-on can't be loaded.\n${findings.problem}`)
}

function rowsOf(findings: Findings): string[][] {
  const { node, platform, addon, libtorch, tried, runtime, cache, downloadedWeights } = findings
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
    ...(runtime ? [['processor', `${runtime.cpuCapability}, ${runtime.threads} threads`]] : []),
    ['CUDA', cudaText(findings)],
    ['cache', cache],
    ...(cached.length > 0 ? cached : [['weights', 'none downloaded']]),
  ]
}

const origins = { LIBTORCH: 'the variable LIBTORCH', python3: "python3's torch", cache: 'our cache' }

function cudaText({ runtime, cudaReason }: Findings): string {
  if (!runtime) return 'not known'
  if (cudaReason !== null) return `no: ${cudaReason}`
  return `yes, ${runtime.cudaDevices} ${runtime.cudaDevices === 1 ? 'device' : 'devices'}`
}
