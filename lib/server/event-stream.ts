import type { AttributionStep } from '../attribution/attribution.js'
import { bitsOf } from '../attribution/summary.js'
import type { ProgressEvent, StartEvent, StepEvent, StepNumbers } from './answer-types.js'
import { encodedImage, encodedMap, jsonAnswer } from './answers.js'
import { failureAnswer } from './failure.js'
import type { Explained, Told } from './served-model.js'
import type { Part } from './settings.js'

/** How long a proxy may see nothing. */
const silence = 15_000

/** What is told of by events. */
export interface ToldExplanation {
  model: string
  method: string
  include: ReadonlySet<Part>
  explain: (told: Told) => Promise<Explained>
  /** Told of what ends in an error. */
  onFailure: (error: unknown) => void
}

/** Explains an image and tells of it as server-sent events: while it runs `progress`, and of methods that optimise a mask `start`
 * and each `step` as soon as it is there, with its numbers and its map where that was asked for; then the steps of other
 * methods, and `result`, or `error`. */
export async function* explanationEvents({
  model,
  method,
  include,
  explain,
  onFailure,
}: ToldExplanation): AsyncGenerator<string, void, undefined> {
  const news = new News()
  const explained = explain({
    onProgress: ({ step, steps }) => news.progress({ step, steps }),
    onStep: step => news.add(step),
  })
  explained.then(
    () => news.end(),
    () => news.end(),
  )
  let told = 0
  try {
    yield ': the image waits for its turn\n\n'
    for await (const piece of news.pieces()) {
      if (piece === undefined) yield ': still at work\n\n'
      else if ('numbers' in piece) {
        if (told === 0) yield event('start', await startOf(piece, { model, method, include }))
        yield event('step', stepOf(piece))
        told = piece.step
      } else yield event('progress', piece)
    }
    const result = await explained
    const { steps = [], ...answer } = await jsonAnswer(model, result, include)
    for (const [step, numbers] of steps.entries())
      if (step >= told) yield event('step', stepOf({ step: step + 1, numbers }))
    yield event('result', answer)
  } catch (error) {
    onFailure(error)
    yield event('error', failureAnswer(error).error)
  }
}

async function startOf(
  { target, className, score, probability, steps, map, image }: AttributionStep,
  { model, method, include }: Pick<ToldExplanation, 'model' | 'method' | 'include'>,
): Promise<StartEvent> {
  return {
    model,
    method,
    target,
    ...(className !== undefined && { className }),
    score,
    probability: Number.isNaN(probability) ? null : probability,
    steps,
    ...(map && { unit: map.unit }),
    ...(include.has('image') && { image: await encodedImage(image) }),
  }
}

function stepOf({
  step,
  numbers,
  map,
}: Pick<AttributionStep, 'step' | 'map'> & { numbers: StepNumbers }): StepEvent {
  const bits = map && bitsOf(map)
  return { step, ...numbers, ...(typeof bits === 'number' && { bits }), ...(map && { map: encodedMap(map) }) }
}

/** What is told next: a step, or progress, of which a slow reader gets only the newest. */
class News {
  readonly #steps: AttributionStep[] = []
  #newest: ProgressEvent | undefined
  #ended = false
  #wake = () => {}

  progress(progress: ProgressEvent): void {
    this.#newest = progress
    this.#wake()
  }

  add(step: AttributionStep): void {
    this.#steps.push(step)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Undefined after a silence. */
  async *pieces(): AsyncGenerator<AttributionStep | ProgressEvent | undefined, void, undefined> {
    while (true) {
      const step = this.#steps.shift()
      if (step) yield step
      else if (this.#ended) return
      else if (this.#newest) {
        const newest = this.#newest
        this.#newest = undefined
        yield newest
      } else if (!(await this.#woken())) yield undefined
    }
  }

  /** Whether there is something to tell; false after a silence. */
  #woken(): Promise<boolean> {
    return new Promise(resolve => {
      const timer = setTimeout(() => resolve(false), silence)
      this.#wake = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })
  }
}

function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
