import { existsSync } from 'node:fs'
import { writeFileAtomically } from '../files.js'
import { type PerSampleAttribution, renderAnimation, renderOverlay, writeNpy } from '../index.js'
import type { Job, ResultFiles } from './jobs.js'

/** Which files are written for each image. */
export interface WantedFiles {
  picture: boolean
  animation: 'gif' | 'webp' | undefined
  capacity: boolean
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
  steps: PerSampleAttribution['steps']
  /** The sum of the map; null if the map isn't in bits. */
  bits: number | null
  seconds: number
}

/** Whether an earlier run wrote all that is wanted. */
export function isDone(job: Job, wanted: WantedFiles): boolean {
  return Object.values(chosenFiles(job, wanted)).every(existsSync)
}

/** Writes the files of one image. */
export async function writeResult(
  job: Job,
  result: PerSampleAttribution,
  wanted: WantedFiles,
): Promise<WrittenFiles> {
  const files = chosenFiles(job, wanted)
  const { map, image, stepMaps, capacity } = result
  if (files.picture) await writeFileAtomically(files.picture, await renderOverlay(image, map))
  if (files.animation) {
    const frames = await renderAnimation(image, stepMaps, { format: wanted.animation ?? 'gif' })
    await writeFileAtomically(files.animation, frames)
  }
  if (files.capacity && capacity) await writeNpy(files.capacity, capacity.data, capacity.shape)
  await writeNpy(files.map, map.data, [map.height, map.width])
  return files
}

/** What there is to say about one image. */
export function recordOf(
  job: Job,
  result: PerSampleAttribution,
  files: WrittenFiles,
  className: string | undefined,
): ResultRecord {
  const { target, probability, method, map, steps, seconds } = result
  return {
    input: job.name,
    target,
    ...(className !== undefined && { className }),
    probability,
    method,
    unit: map.unit,
    files,
    steps,
    bits: map.unit === 'bits/pixel' ? map.data.reduce((sum, value) => sum + value, 0) : null,
    seconds,
  }
}

function chosenFiles({ files }: Job, wanted: WantedFiles): WrittenFiles {
  return {
    map: files.map,
    ...(wanted.picture && { picture: files.picture }),
    ...(wanted.animation && { animation: files.animation }),
    ...(wanted.capacity && { capacity: files.capacity }),
  }
}
