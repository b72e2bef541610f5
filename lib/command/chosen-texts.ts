import { readBoundedText } from '../foundation/bounded-reading.js'
import { fileError } from '../foundation/files.js'
import type { Model, TokenInput } from '../index.js'
import { UsageError } from './exit.js'

const limit = { bytes: 2 ** 24, of: 'a file of tokens' }

/** The texts that `--tokens` and `--token-texts` give: ids, or a JSON file with a list of them or one such list for each
 * text; likewise what they stand for. None where no `--tokens` was given.
 * @throws UsageError */
export async function chosenTexts(
  tokens: string | undefined,
  tokenTexts: string | undefined,
): Promise<TokenInput[]> {
  if (tokens === undefined) {
    if (tokenTexts !== undefined)
      throw new UsageError('--token-texts says what the ids of --tokens stand for. Give these as well.')
    return []
  }
  const rows = await rowsOf('--tokens', tokens, isId)
  const texts = tokenTexts === undefined ? [] : await rowsOf('--token-texts', tokenTexts, isText)
  if (texts.length > 0 && texts.length !== rows.length)
    throw new UsageError(
      `--token-texts: expected texts for ${rows.length} rows of tokens, found ${texts.length}.`,
    )
  return rows.map((row, i) => {
    const words = texts[i]
    if (words && words.length !== row.length) {
      throw new UsageError(
        `--token-texts: expected ${row.length} texts, one for each token id, but found ${words.length}. ` +
          'Texts with commas go into a JSON file.',
      )
    }
    return { tokens: row, ...(words && { tokenTexts: words }) }
  })
}

/** Refuses texts for a network of images, and images for one of texts, in words of the command. */
export function requireInputs(model: Model, texts: readonly TokenInput[]): void {
  if (model.inputKind === 'tokens' && texts.length === 0)
    throw new UsageError(
      `This ${model.architecture} takes token ids. Give them with --tokens in place of images.`,
    )
  if (model.inputKind === 'images' && texts.length > 0)
    throw new UsageError(
      `--tokens: this ${model.architecture} takes images. Give image files, or a model of texts.`,
    )
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value)
const isText = (value: unknown): value is string => typeof value === 'string'

async function rowsOf<T>(flag: string, given: string, isOne: (value: unknown) => value is T): Promise<T[][]> {
  const isFile = /\.json$/i.test(given)
  const content = isFile ? await readJson(flag, given) : given.split(',').map(part => wordOf(part, isOne))
  const rows = Array.isArray(content) && Array.isArray(content[0]) ? content : [content]
  if (rows.every(row => Array.isArray(row) && row.length > 0 && row.every(isOne))) return rows as T[][]
  const what = flag === '--tokens' ? 'token ids, which are whole numbers' : 'texts'
  throw new UsageError(
    `${flag} '${given}': expected ${what}, with commas between them, or a JSON file with a list of them, or with such a list for each text.`,
  )
}

/** One word of a list: a number where numbers are wanted. */
function wordOf(part: string, isOne: (value: unknown) => boolean): unknown {
  const word = part.trim()
  if (isOne('')) return part
  return /^\d+$/.test(word) ? Number(word) : word
}

async function readJson(flag: string, path: string): Promise<unknown> {
  const text = await readBoundedText(path, limit).catch(error => {
    throw fileError(`${flag}: can't read '${path}'`, error)
  })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${flag}: '${path}' is no valid JSON: ${(error as Error).message}.`)
  }
}
