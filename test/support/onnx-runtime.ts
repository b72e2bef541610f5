import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Tensor as Images } from './imported-models.js'

/** What ONNX Runtime, which judges ours, says of the first output for images (N, C, H, W), of so many at a time. A file whose
 * input is (N, H, W, C) is given that. */
export async function judge(path: string, { data, shape }: Images, atOnce: number): Promise<Float32Array> {
  const session = await InferenceSession.create(path, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
  })
  const all: number[] = []
  const [count, channels, height, width] = shape as [number, number, number, number]
  const length = channels * height * width
  const input = session.inputMetadata[0]!
  const isLast = input.isTensor && input.shape[1] !== channels && input.shape[3] === channels
  const given = isLast ? channelsLast(data, channels, height * width) : data
  const image = isLast ? [height, width, channels] : [channels, height, width]
  for (let i = 0; i < count; i += atOnce) {
    const some = new Tensor('float32', given.slice(i * length, (i + atOnce) * length), [atOnce, ...image])
    const outputs = await session.run({ [session.inputNames[0]!]: some })
    all.push(...(outputs[session.outputNames[0]!]!.data as Float32Array))
  }
  await session.release()
  return Float32Array.from(all)
}

function channelsLast(data: Float32Array, channels: number, places: number): Float32Array {
  return data.map((_, i) => {
    const place = Math.floor(i / channels) % places
    const image = i - (i % (channels * places))
    return data[image + (i % channels) * places + place]!
  })
}
