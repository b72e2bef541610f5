import { InvalidArgumentError } from '../foundation/errors.js'
import { requireOneOf } from '../foundation/validate.js'

/** `v1`: torchvision's first ImageNet weights, which the paper uses. `v2`: those of its newer training recipe. */
export type WeightsVersion = 'v1' | 'v2'

/** A weight file that torchvision publishes. */
export interface PublishedWeights {
  /** Name of the file, which ends in the beginning of its hash. */
  file: string
  url: string
  /** The first 8 hex digits of the file's SHA-256. */
  sha256Prefix: string
  /** Length of the image's shorter side before the crop of 224, as torchvision evaluates these weights. */
  resize: number
}

const base = 'https://download.pytorch.org/models/'

// Names as in torchvision 0.28, torchvision/models/vgg.py and resnet.py: IMAGENET1K_V1 and IMAGENET1K_V2.
const hashes: Record<string, { v1: string; v2?: string }> = {
  vgg11: { v1: '8a719046' },
  vgg11_bn: { v1: '6002323d' },
  vgg13: { v1: '19584684' },
  vgg13_bn: { v1: 'abd245e5' },
  vgg16: { v1: '397923af' },
  vgg16_bn: { v1: '6c64b313' },
  vgg19: { v1: 'dcbb9e9d' },
  vgg19_bn: { v1: 'c79401a0' },
  resnet18: { v1: 'f37072fd' },
  resnet34: { v1: 'b627a593' },
  resnet50: { v1: '0676ba61', v2: '11ad3fa6' },
  resnet101: { v1: '63fe2227', v2: 'cd907fc2' },
  resnet152: { v1: '394f9c45', v2: 'f82ba261' },
  resnext50_32x4d: { v1: '7cdf4587', v2: '1a0047aa' },
  resnext101_32x8d: { v1: '8ba56ff5', v2: '110c445d' },
  resnext101_64x4d: { v1: '173b62eb' },
  wide_resnet50_2: { v1: '95faca4d', v2: '9ba9bcbe' },
  wide_resnet101_2: { v1: '32ee1156', v2: 'd733dc28' },
}

/** The models that torchvision publishes weights for, of those this package knows. */
export const publishedModels: readonly string[] = Object.keys(hashes)

/** The weight file that torchvision publishes for a model.
 * @throws {InvalidArgumentError} there is none for this model or version */
export function publishedWeights(model: string, version: WeightsVersion = 'v1'): PublishedWeights {
  requireOneOf('model', model, publishedModels)
  requireOneOf('version', version, ['v1', 'v2'])
  const sha256Prefix = hashes[model]?.[version]
  if (sha256Prefix === undefined) {
    throw new InvalidArgumentError(`torchvision publishes only v1 weights for ${model}. Use version 'v1'.`)
  }
  const file = `${model}-${sha256Prefix}.pth`
  return { file, url: base + file, sha256Prefix, resize: resizeOf(model, version) }
}

// resnext101_64x4d was trained by the newer recipe from the start.
function resizeOf(model: string, version: WeightsVersion): number {
  return version === 'v2' || model === 'resnext101_64x4d' ? 232 : 256
}
