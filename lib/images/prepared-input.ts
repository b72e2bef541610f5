/** An image as the network takes it, with the same region to draw on. */
export class PreparedInput {
  /** What messages call it. */
  readonly name: string
  /** channels × height × width, normalised */
  readonly data: Float32Array
  /** As many as the network's input has. */
  readonly channels: number
  /** In pixels. */
  readonly height: number
  /** In pixels. */
  readonly width: number
  /** RGB, row by row */
  readonly pixels: Uint8Array

  /** Use `prepare`: what it makes is taken without a copy or another check. */
  constructor(
    name: string,
    data: Float32Array,
    shape: readonly [number, number, number],
    pixels: Uint8Array,
  ) {
    this.name = name
    this.data = data
    ;[this.channels, this.height, this.width] = shape
    this.pixels = pixels
  }
}
