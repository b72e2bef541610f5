import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { attributerOf, type ChosenMethod } from '../attribution/methods.js'
import { count } from '../foundation/text.js'
import type { PreparedInput } from '../images/prepared-input.js'
import { pendingImages } from '../images/stream.js'
import { type Attribution, ImageError, imageFolder, type Model, type Target, targetText } from '../index.js'
import type { ComparedImage } from '../rendering/sheet.js'
import { IncompleteError, UsageError } from './exit.js'
import { note, spelledOut } from './output.js'
import { type Measure, startProgress } from './progress.js'
import { inputName } from './standard-streams.js'

/** More of them can't be looked at. */
const mostImages = 64

const maps: Measure = {
  amount: (done, total) =>
    `${Math.floor(done).toLocaleString('en')}/${total?.toLocaleString('en') ?? '?'} maps`,
  rate: perSecond => `${perSecond.toFixed(perSecond < 10 ? 2 : 0)} maps/s`,
}

/** A method with its maps of all images. */
interface Explained {
  name: string
  results: Attribution[]
}

export interface ExplainOptions {
  target: Target | undefined
  seed: number
  quiet?: boolean
  signal: AbortSignal
}

/** The maps of some images by several methods. */
export class Comparison {
  readonly #model: Model
  readonly #images: PreparedInput[] = []
  readonly #explained: Explained[] = []
  failedImages = 0
  failedMethods = 0

  constructor(model: Model) {
    this.#model = model
  }

  /** '3 images, 12 methods, resnet50'. */
  get title(): string {
    return `${count(this.#images.length, 'image')}, ${count(this.#explained.length, 'method')}, ${this.#model.architecture}`
  }

  /** Reads the images; those that can't be read are named and left out. */
  async read(inputs: readonly string[], signal: AbortSignal): Promise<void> {
    for await (const pending of pendingImages(imagePaths(inputs), this.#model.preprocessing)) {
      signal.throwIfAborted()
      try {
        this.#images.push(await pending.load())
      } catch (error) {
        if (!(error instanceof ImageError)) throw error
        this.failedImages++
        note(`iba: ${error.message}`)
      }
      if (this.#images.length > mostImages)
        throw new UsageError(
          `A contact sheet holds at most ${mostImages} images. Use \`iba attribute\` for more.`,
        )
    }
    if (this.#images.length === 0) throw new IncompleteError('None of the images could be read.')
  }

  /** Explains all images with each method; a method that fails is named and left out. */
  async explain(methods: readonly ChosenMethod[], options: ExplainOptions): Promise<void> {
    const total = methods.length * this.#images.length
    const progress = startProgress(maps, { total, quiet: options.quiet ?? false })
    try {
      for (const [i, chosen] of methods.entries()) {
        const onMap = (done: number) => progress.update(i * this.#images.length + done)
        try {
          const results = await this.#explainWith(chosen, options, onMap)
          this.#explained.push({ name: chosen.method.name, results })
        } catch (error) {
          if (options.signal.aborted) throw error
          this.failedMethods++
          progress.pause(() => note(`iba: ${chosen.method.name} is left out: ${messageOf(error)}`))
        }
      }
    } finally {
      progress.stop()
    }
    if (this.#explained.length === 0) throw new IncompleteError('None of the methods could run.')
  }

  async #explainWith(
    chosen: ChosenMethod,
    { target, seed, signal }: ExplainOptions,
    onMap: (done: number) => void,
  ): Promise<Attribution[]> {
    await using attributer = attributerOf(this.#model, chosen)
    const results: Attribution[] = []
    const progress = {
      onProgress: ({ index, step, steps }: { index: number; step: number; steps: number }) =>
        onMap(index + step / steps),
    }
    const targets = target === undefined ? {} : { targets: target }
    for await (const result of attributer.attributeAll(this.#images, {
      ...targets,
      seed,
      signal,
      ...progress,
    }))
      results.push(result)
    return results
  }

  /** What is drawn. */
  pictures(): ComparedImage[] {
    return this.#images.map(({ pixels, width, height, name }, i) => {
      const first = this.#explained[0]!.results[i]!
      return {
        title: basename(name),
        image: { pixels, width, height },
        facts: [explained(first, this.#model.classNames)],
        maps: this.#explained.map(({ name: title, results }) => {
          const { map, seconds, checks } = results[i]!
          const measures = Object.entries(checks).map(
            ([check, value]) => `${spelledOut(check)} ${short(value)}`,
          )
          return { title, map, facts: [`${short(seconds)} s`, ...measures] }
        }),
      }
    })
  }

  /** What is printed of each method: its unit, and the means of its seconds and checks. */
  table(): string[][] {
    return this.#explained.map(({ name, results }) => {
      const mean = (of: (result: Attribution) => number) =>
        short(results.reduce((sum, result) => sum + of(result), 0) / results.length)
      const checks = Object.keys(results[0]!.checks).map(
        check => `${spelledOut(check)} ${mean(result => result.checks[check] ?? Number.NaN)}`,
      )
      return [name, results[0]!.map.unit, mean(({ seconds }) => seconds), checks.join(', ') || '-']
    })
  }

  /** What `--json` prints of each image. */
  records() {
    return this.#images.map(({ name }, i) => {
      const { target, className, score, probability } = this.#explained[0]!.results[i]!
      return {
        input: inputName(name),
        target,
        ...(className !== undefined && { className }),
        score,
        probability,
        methods: this.#explained.map(({ name: method, results }) => {
          const { map, checks, seconds } = results[i]!
          return { method, unit: map.unit, checks, seconds }
        }),
      }
    })
  }
}

/** What was explained, with its probability, or its score where it has none. */
function explained({ target, score, probability }: Attribution, classNames: readonly string[]): string {
  const measure = Number.isNaN(probability)
    ? `score ${short(score)}`
    : `probability ${probability.toFixed(3)}`
  return `${targetText(target, classNames)}, ${measure}`
}

/** The files that inputs stand for: themselves, or the images of folders. */
export async function* imagePaths(inputs: readonly string[]): AsyncGenerator<string, void, undefined> {
  for (const input of inputs) {
    const isFolder = await stat(input).then(
      found => found.isDirectory(),
      () => false,
    )
    if (isFolder) yield* imageFolder(input)
    else yield input
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(2)))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
