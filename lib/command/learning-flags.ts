import { extname } from 'node:path'
import type { Command } from 'commander'
import { count } from '../foundation/text.js'
import { openNpy } from '../images/npy.js'
import { imageFolder, type LearningOptions, type TokenInput } from '../index.js'
import { defaultSamples } from '../learned/learning.js'
import { wholeNumber } from './common-options.js'
import { InterruptedError } from './exit.js'
import { note } from './output.js'
import { images, startProgress, texts } from './progress.js'

/** The options of commands that learn something about a network from images. */
export interface LearningFlags {
  images: string
  samples: number
  seed: number
  batch: number
  quiet?: boolean
}

/** `--images`, `--samples`, `--seed`, `--batch`. */
export function addLearningOptions(command: Command, least: number): Command {
  return command
    .option('-i, --images <path>', 'required: a folder of images, or a .npy file of prepared images')
    .option('--samples <number>', 'how many images to take at most', wholeNumber(least), defaultSamples)
    .option('--seed <number>', 'draws which images of a folder are taken', wholeNumber(0), 0)
    .option('--batch <number>', 'images that go through the network together', wholeNumber(1, 4096), 16)
}

/** Where the images or texts come from, and how many of them will be taken. */
export interface Source {
  images: LearningOptions['images']
  total: number
  noun: 'image' | 'text'
}

/** Finds the images. */
export async function openSource({ images: path, samples, seed }: LearningFlags): Promise<Source> {
  if (extname(path).toLowerCase() === '.npy') {
    await using file = await openNpy(path)
    const total = Math.min(samples, file.shape.length === 4 ? file.shape[0]! : 1)
    return { images: path, total, noun: 'image' }
  }
  // Sorted by path, the first images of a data set are often all of one class.
  const folder = imageFolder(path, { shuffleSeed: seed })
  let total = 0
  for await (const _ of imageFolder(path, { limit: samples })) total++
  return { images: folder, total, noun: 'image' }
}

/** Of texts, the first ones are taken. */
export function textSource(
  given: readonly TokenInput[],
  { samples }: Pick<LearningFlags, 'samples'>,
): Source {
  return { images: given, total: Math.min(samples, given.length), noun: 'text' }
}

/** Learns from the images or texts, shows how far it is, and names those that can't be read.
 * @throws InterruptedError where the signal was aborted */
export async function learnWithProgress<Result>(
  { images: stream, total, noun }: Source,
  { samples, batch, quiet = false }: Omit<LearningFlags, 'images'>,
  signal: AbortSignal,
  learn: (options: LearningOptions, warn: (message: string) => void) => Promise<Result>,
): Promise<Result> {
  const progress = startProgress(noun === 'text' ? texts : images, { total, quiet })
  let taken = 0
  let failed = 0
  const warnings: string[] = []
  const options: LearningOptions = {
    images: stream,
    samples,
    batch,
    signal,
    onProgress({ samples }) {
      taken = samples
      progress.update(samples, total)
    },
    onError(error) {
      failed++
      progress.pause(() => note(`iba: ${error.message}`))
    },
  }
  try {
    return await learn(options, message => warnings.push(message))
  } catch (error) {
    if (!signal.aborted) throw error
    throw new InterruptedError(
      `Interrupted after ${taken} of ${count(total, noun)}; nothing was written. Start again, or take fewer ` +
        `${noun}s with --samples.`,
    )
  } finally {
    progress.stop()
    if (failed > 0)
      warnings.push(`${count(failed, noun)} could not be read and ${failed === 1 ? 'was' : 'were'} left out.`)
    for (const warning of warnings) note(`iba: ${warning}`)
  }
}
