/** The token ids of a text, and what each of them stands for, where that is known. */
export interface TextTokens {
  /** As its tokenizer gave them. */
  ids: BigInt64Array
  /** One for each of them. */
  texts: readonly string[] | undefined
}

/** An image as the network takes it, with the same region to draw on; or a text, as a row of pixels. */
export class PreparedInput {
  /** What messages call it. */
  readonly name: string
  /** channels × height × width, normalised; empty for a text */
  readonly data: Float32Array
  /** As many as the network's input has. */
  readonly channels: number
  /** In pixels. */
  readonly height: number
  /** In pixels. */
  readonly width: number
  /** RGB, row by row; of a text white */
  readonly pixels: Uint8Array
  /** What a text is in place of `data`. */
  readonly text: TextTokens | undefined

  /** Use `prepare`: what it makes is taken without a copy or another check. */
  constructor(
    name: string,
    data: Float32Array,
    shape: readonly [number, number, number],
    pixels: Uint8Array,
    text?: TextTokens,
  ) {
    this.name = name
    this.data = data
    ;[this.channels, this.height, this.width] = shape
    this.pixels = pixels
    this.text = text
  }
}
