import { types } from 'node:util'
import { InvalidArgumentError } from '../foundation/errors.js'
import { invalid, requireKnownKeys } from '../foundation/validate.js'
import type { TokenSettings } from '../native/images-calls.js'
import { PreparedInput } from './prepared-input.js'

/** A text as the ids that its tokenizer gave, for networks that take such, wherever an image can be given. */
export interface TokenInput {
  /** With those that mark the beginning and the end, and the padding, as the network takes them. */
  tokens: readonly number[] | Int32Array | BigInt64Array
  /** What each of them stands for, such as 'cat', to show results with. */
  tokenTexts?: readonly string[]
}

/** The tokens of a text, of which it isn't known yet whether they are the network's. */
export interface TokenRow {
  name: string
  kind: 'tokens'
  ids: BigInt64Array
  texts: readonly string[] | undefined
}

/** Whether it is token ids rather than an image. */
export function isTokens(input: unknown): input is TokenInput {
  return typeof input === 'object' && input !== null && 'tokens' in input
}

/** Checks token ids and copies them.
 * @throws {InvalidArgumentError} they are none, or there isn't a text for each */
export function tokenRow(name: string, input: TokenInput): TokenRow {
  requireKnownKeys('a text', input, ['tokens', 'tokenTexts'])
  const { tokens, tokenTexts: texts } = input
  if (!(Array.isArray(tokens) || types.isInt32Array(tokens) || types.isBigInt64Array(tokens)))
    throw invalid('tokens', 'a list of token ids, an Int32Array or a BigInt64Array', tokens)
  if (tokens.length === 0) throw invalid('tokens', 'at least one token id', tokens)
  const ids = BigInt64Array.from(tokens as ArrayLike<number | bigint>, (id, i) => {
    if (typeof id !== 'bigint' && !Number.isSafeInteger(id))
      throw invalid(`tokens[${i}]`, 'a token id, which is a whole number,', id)
    return BigInt(id)
  })
  if (texts === undefined) return { name, kind: 'tokens', ids, texts }
  if (!Array.isArray(texts) || !texts.every(text => typeof text === 'string'))
    throw invalid('tokenTexts', 'a list of texts', texts)
  if (texts.length !== ids.length)
    throw invalid('tokenTexts', `${ids.length} texts, one for each token`, texts)
  return { name, kind: 'tokens', ids, texts: [...texts] }
}

/** Token ids as the network takes them.
 * @throws {InvalidArgumentError} the network doesn't know one of them, or takes another number of them */
export function preparedTokens({ name, ids, texts }: TokenRow, settings: TokenSettings): PreparedInput {
  const { vocabulary, length } = settings
  if (length !== null && ids.length !== length) {
    throw new InvalidArgumentError(
      `'${name}' has ${ids.length} token ids, but the network takes ${length}. Pad the text as its tokenizer does, or cut it off.`,
    )
  }
  const unknown = ids.findIndex(id => id < 0n || id >= BigInt(vocabulary))
  if (unknown >= 0) {
    throw new InvalidArgumentError(
      `'${name}' has the token id ${ids[unknown]} at position ${unknown}, expected 0 to ${vocabulary - 1}. Take the tokenizer of this network.`,
    )
  }
  const white = new Uint8Array(3 * ids.length).fill(255)
  return new PreparedInput(name, new Float32Array(), [1, 1, ids.length], white, { ids, texts })
}

/** Refuses images where the network takes token ids, and token ids where it takes images.
 * @throws {InvalidArgumentError} */
export function requireKind(name: string, isOfTokens: boolean, tokens: TokenSettings | undefined): void {
  if (isOfTokens === (tokens !== undefined)) return
  throw new InvalidArgumentError(
    isOfTokens
      ? `'${name}' is token ids, but the network takes images. Give an image, or load the model that takes texts.`
      : `'${name}' is no token ids, but the network takes those of a text. Give { tokens: [...] }, or load the model that takes images.`,
  )
}
