// Explains one image and prints the most memory that this process had. Started by the benchmark `memory`.
import { readFile } from 'node:fs/promises'
import { loadStatistics, type Precision, perSample } from '../../lib/index.js'
import { type PaperModel, referenceImage, seededModel } from './workload.js'

const [name, statisticsFile, precision] = process.argv.slice(2) as [PaperModel, string, Precision]

await using model = await seededModel(name, precision)
await using statistics = await loadStatistics(statisticsFile)
const { image, target } = await referenceImage(name)
const loaded = await peakMegabytes()
await perSample(model, { statistics, batch: 1 }).attribute(image, { targets: target })
console.log(JSON.stringify({ 'model loaded (MB)': loaded, 'map computed (MB)': await peakMegabytes() }))

/** Of this process so far. Linux also counts a process's parent into `maxRSS`, as the child begins as its copy; the
 * high-water mark in /proc is of this program alone. */
async function peakMegabytes(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const kilobytes = /^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS
  return (Number(kilobytes) * 1024) / 1e6
}
