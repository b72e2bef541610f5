import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Tensor as Images } from './imported-models.js'

/** What ONNX Runtime, which judges ours, says of the first output for images (N, C, H, W), of so many at a time. */
export async function judge(path: string, { data, shape }: Images, atOnce: number): Promise<Float32Array> {
  const session = await InferenceSession.create(path, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
  })
  const all: number[] = []
  const [count, ...image] = shape as [number, ...number[]]
  const length = image.reduce((product, side) => product * side, 1)
  for (let i = 0; i < count; i += atOnce) {
    const some = new Tensor('float32', data.slice(i * length, (i + atOnce) * length), [atOnce, ...image])
    const outputs = await session.run({ [session.inputNames[0]!]: some })
    all.push(...(outputs[session.outputNames[0]!]!.data as Float32Array))
  }
  await session.release()
  return Float32Array.from(all)
}
