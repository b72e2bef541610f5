import { drawView } from '../images/augmentation.js'
import { type ImageSource, withDecoded } from '../images/decode.js'
import { PreparedInput } from '../images/prepared-input.js'
import { preprocess } from '../images/preprocess.js'
import { arrayFile, type ImageInput, isPrepared } from '../images/source.js'
import { isTokens } from '../images/tokens.js'
import type { Model } from '../model/model.js'
import { type EstimateOptions, estimate, type Statistics } from './statistics.js'

/** Of each image: itself, and so many drawn parts, half of them mirrored. */
const drawnParts = 31
/** More images need no parts to be told of so many neurons. */
const mostImages = 64

/** Options of {@link roughStatistics}. */
export type RoughStatisticsOptions = Omit<EstimateOptions, 'images' | 'samples'>

/** Statistics from the very images that are to be explained: from each of the first 64 and from 31 drawn parts of it, some of
 * them mirrored. That is rough, since the noise of the bottleneck should be that of other images as well: for results to rely
 * on, take `estimate` with typical images. Prepared images have no parts.
 * @throws ImageError, StatisticsError */
export async function roughStatistics(
  model: Model,
  images: AsyncIterable<ImageInput> | Iterable<ImageInput>,
  options: RoughStatisticsOptions = {},
): Promise<Statistics> {
  return await estimate(model, {
    onWarning: () => {},
    ...options,
    images: withDrawnParts(images, model, { parts: drawnParts, signal: options.signal }),
  })
}

/** @internal Each of the first 64 images, and after it so many drawn parts of it, half of them mirrored. */
export async function* withDrawnParts(
  images: AsyncIterable<ImageInput> | Iterable<ImageInput>,
  model: Model,
  drawn: { parts: number; signal?: AbortSignal | undefined },
): AsyncGenerator<ImageInput, void, undefined> {
  let index = 0
  for await (const image of images) {
    yield image
    if (
      !(
        image instanceof PreparedInput ||
        isPrepared(image) ||
        isTokens(image) ||
        arrayFile(image) !== undefined
      )
    )
      yield* await drawnPartsOf(image, index, model, drawn)
    if (++index === mostImages) return
  }
}

async function drawnPartsOf(
  source: ImageSource,
  index: number,
  { preprocessing }: Model,
  { parts: count, signal }: { parts: number; signal?: AbortSignal | undefined },
): Promise<PreparedInput[]> {
  return await withDecoded(source, { signal }, async decoded => {
    const parts = Array.from({ length: count }, async (_, part) => {
      const { region, mirror } = drawView(decoded, { randomCrop: true, flip: true }, index, part)
      const { input, pixels } = await preprocess(decoded, {
        ...preprocessing,
        ...(region && { region }),
        mirror,
      })
      return new PreparedInput(decoded.source, input.data, input.shape, pixels.data)
    })
    return await Promise.all(parts)
  })
}
