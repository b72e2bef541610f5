import { existsSync } from 'node:fs'
import { writeFileAtomically } from '../foundation/files.js'
import {
  type Attribution,
  type PerSampleAttribution,
  renderAnimation,
  renderOverlay,
  writeNpy,
} from '../index.js'
import type { Job, ResultFiles } from './jobs.js'

/** Which files are written for each image. */
export interface WantedFiles {
  picture: boolean
  animation: 'gif' | 'webp' | undefined
  capacity: boolean
  raw: boolean
}

/** The paths that are written for one image. */
export type WrittenFiles = Pick<ResultFiles, 'map'> & Partial<ResultFiles>

/** One line of `--json`. */
export interface ResultRecord {
  input: string
  target: number
  className?: string
  probability: number
  method: string
  unit: string
  files: WrittenFiles
  /** Of the optimisation; per-sample only. */
  steps?: PerSampleAttribution['steps']
  checks: Attribution['checks']
  /** The sum of the map; null if the map isn't in bits. */
  bits: number | null
  seconds: number
}

/** Whether an earlier run wrote all that is wanted. */
export function isDone(job: Job, wanted: WantedFiles): boolean {
  return Object.values(chosenFiles(job, wanted)).every(existsSync)
}

/** Writes the files of one image. */
export async function writeResult(job: Job, result: Attribution, wanted: WantedFiles): Promise<WrittenFiles> {
  const files = chosenFiles(job, wanted)
  const { map, image, raw } = result
  if (files.picture) await writeFileAtomically(files.picture, await renderOverlay(image, map))
  if (isPerSample(result)) {
    const { stepMaps, capacity } = result
    if (files.animation) {
      const frames = await renderAnimation(image, stepMaps, { format: wanted.animation ?? 'gif' })
      await writeFileAtomically(files.animation, frames)
    }
    if (files.capacity && capacity) await writeNpy(files.capacity, capacity.data, capacity.shape)
  }
  if (files.raw && raw) await writeNpy(files.raw, raw.data, raw.shape)
  await writeNpy(files.map, map.data, [map.height, map.width])
  return files
}

/** What there is to say about one image. */
export function recordOf(
  job: Job,
  result: Attribution,
  files: WrittenFiles,
  className: string | undefined,
): ResultRecord {
  const { target, probability, method, map, checks, seconds } = result
  return {
    input: job.name,
    target,
    ...(className !== undefined && { className }),
    probability,
    method,
    unit: map.unit,
    files,
    ...(isPerSample(result) && { steps: result.steps }),
    checks,
    bits: map.unit === 'bits/pixel' ? map.data.reduce((sum, value) => sum + value, 0) : null,
    seconds,
  }
}

function isPerSample(result: Attribution): result is PerSampleAttribution {
  return 'stepMaps' in result
}

function chosenFiles({ files }: Job, wanted: WantedFiles): WrittenFiles {
  return {
    map: files.map,
    ...(wanted.picture && { picture: files.picture }),
    ...(wanted.animation && { animation: files.animation }),
    ...(wanted.capacity && { capacity: files.capacity }),
    ...(wanted.raw && { raw: files.raw }),
  }
}
