import { stepMaps } from '../attribution/attribution.js'
import { base64, jsonAnswer } from './answers.js'
import { failureAnswer } from './failure.js'
import type { Explained } from './served-model.js'
import type { Part } from './settings.js'

/** How long a proxy may see nothing. */
const silence = 15_000

/** What is told of by events. */
export interface ToldExplanation {
  model: string
  include: ReadonlySet<Part>
  explain: (onProgress: (progress: { step: number; steps: number }) => void) => Promise<Explained>
  /** Told of what ends in an error. */
  onFailure: (error: unknown) => void
}

/** Explains an image and tells of it as server-sent events: `progress` with `step` and `steps` while it runs, `step` with the
 * numbers of each step and its map where that was kept, `result`, or `error`. */
export async function* explanationEvents({
  model,
  include,
  explain,
  onFailure,
}: ToldExplanation): AsyncGenerator<string, void, undefined> {
  const news = new News()
  const explained = explain(({ step, steps }) => news.tell({ step, steps }))
  explained.then(
    () => news.end(),
    () => news.end(),
  )
  try {
    yield* news.events()
    const result = await explained
    const { steps, tensors, ...answer } = await jsonAnswer(model, result, include)
    const maps = stepMaps(result.attribution)
    for (let step = 0; step < Math.max(steps?.length ?? 0, maps.length); step++) {
      const map = maps[step]
      yield event('step', {
        step: step + 1,
        ...steps?.[step],
        ...(map && { map: { height: map.height, width: map.width, data: base64(map.data) } }),
      })
    }
    const { stepMaps: _, ...others } = tensors ?? {}
    yield event('result', { ...answer, ...(Object.keys(others).length > 0 && { tensors: others }) })
  } catch (error) {
    onFailure(error)
    yield event('error', failureAnswer(error).error)
  }
}

/** The newest progress: what a slow reader missed is told no more. */
class News {
  #newest: { step: number; steps: number } | undefined
  #ended = false
  #wake = () => {}

  tell(progress: { step: number; steps: number }): void {
    this.#newest = progress
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  async *events(): AsyncGenerator<string, void, undefined> {
    yield ': the image waits for its turn\n\n'
    while (!this.#ended) {
      if (this.#newest) {
        const newest = this.#newest
        this.#newest = undefined
        yield event('progress', newest)
      } else if (!(await this.#woken())) {
        yield ': still at work\n\n'
      }
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
