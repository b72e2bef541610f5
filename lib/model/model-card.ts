import { existsSync } from 'node:fs'
import { format, parse } from 'node:path'
import { readBoundedText } from '../foundation/bounded-reading.js'
import { InvalidArgumentError, ModelError } from '../foundation/errors.js'
import { fileError } from '../foundation/files.js'
import { requireKnownKeys, requireOneOf, requireString } from '../foundation/validate.js'
import { completePreprocessing, type GivenPreprocessing, inUnitRange } from '../images/preprocess.js'
import type { Preprocessing } from '../native/images-calls.js'
import type { OutputKind } from '../native/model-calls.js'
import { type ClassNames, requireClassNames } from './class-names.js'
import { outputKinds } from './output-kinds.js'

/** What is said of a model beside its file. */
export interface ModelCard {
  /** With mean and std as they are after scaling to [0, 1]. */
  preprocessing?: Partial<Preprocessing>
  classNames?: readonly string[]
  /** The name of the output to explain. */
  output?: string
  /** What the outputs are. */
  outputKind?: OutputKind
}

/** What a card's file holds. */
interface CardFile {
  preprocessing?: GivenPreprocessing
  classes?: ClassNames
  output?: string
  outputKind?: OutputKind
}

const keys = ['preprocessing', 'classes', 'output', 'outputKind'] as const
const limit = { bytes: 2 ** 24, of: 'a model card' }

/** The path of a model file's card: 'mine.json' of 'mine.pt2'. */
export function cardPath(file: string): string {
  const { dir, name } = parse(file)
  return format({ dir, name, ext: '.json' })
}

/** The card beside a model file. A JSON file that says nothing of a card's is another program's: it is passed over, and a note
 * says so.
 * @throws ModelError a card with a mistake, or no valid JSON
 * @throws FileError it can't be read */
export async function readModelCard(file: string): Promise<{ card: ModelCard; notes: string[] }> {
  const path = cardPath(file)
  if (path === file || !existsSync(path)) return { card: {}, notes: [] }
  const content = await readJson(path, 'a model card')
  if (typeof content !== 'object' || content === null || !keys.some(key => key in content)) {
    return {
      card: {},
      notes: [
        `'${path}' has none of 'preprocessing', 'classes', 'output' and 'outputKind' and was passed over: it is no model card.`,
      ],
    }
  }
  return { card: namingFile(path, () => checkedCard(content)), notes: [] }
}

/** The value of a JSON file that tells something of a model.
 * @throws ModelError where it is no valid JSON; FileError where it can't be read */
export async function readJson(path: string, what: string): Promise<unknown> {
  const text = await readBoundedText(path, limit).catch(error => {
    throw fileError(`Can't read '${path}'`, error)
  })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ModelError(
      `'${path}' would be ${what}, but is no valid JSON: ${(error as Error).message}. Correct it, or move it elsewhere.`,
      { cause: error },
    )
  }
}

/** Has errors about values in a file name the file. */
export function namingFile<Result>(path: string, check: () => Result): Result {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new ModelError(`'${path}': ${error.message}`, { cause: error })
  }
}

function checkedCard(content: CardFile): ModelCard {
  requireKnownKeys('the model card', content, keys)
  const { preprocessing, classes, output, outputKind } = content
  return {
    ...(preprocessing !== undefined && { preprocessing: checkedPreprocessing(preprocessing) }),
    ...(classes !== undefined && { classNames: requireClassNames('classes', classes) }),
    ...(output !== undefined && { output: requireString('output', output) }),
    ...(outputKind !== undefined && { outputKind: requireOneOf('outputKind', outputKind, outputKinds) }),
  }
}

/** The values are checked as they will be once all settings are there. */
export function checkedPreprocessing(given: GivenPreprocessing): Partial<Preprocessing> {
  const stated = inUnitRange(given)
  completePreprocessing(stated, Array.isArray(stated.mean) && stated.mean.length === 1 ? 1 : 3)
  return stated
}
