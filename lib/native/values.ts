/** Opaque, type-tagged values that own native objects. */
declare const brand: unique symbol
export type Handle<Name extends string> = { readonly [brand]: Name }
export type CancellationHandle = Handle<'cancellation'>

/** An array in C order. */
export interface Tensor<Data = Float32Array> {
  /** The elements. */
  data: Data
  /** The extent of each dimension. */
  shape: readonly number[]
}
export type ByteTensor = Tensor<Uint8Array>
/** Images (N, C, H, W), or token ids (N, 1, 1, T). */
export type InputTensor = Tensor<Float32Array | BigInt64Array>

/** What may be among the options of calls that work for a while. */
export interface Cancellable {
  cancellation?: CancellationHandle
  onProgress?: (done: number, total: number) => void
}
