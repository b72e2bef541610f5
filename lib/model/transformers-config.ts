import { invalid, requireInteger, requireNumber } from '../foundation/validate.js'
import type { ImageSize, Interpolation, Preprocessing } from '../native/images-calls.js'
import type { OutputKind } from '../native/model-calls.js'
import { requireClassNames } from './class-names.js'
import { type DescribedModel, otherInterpolation } from './described-model.js'
import { checkedPreprocessing } from './model-card.js'

/** What is read of the config.json that transformers writes. */
export interface TransformersConfig {
  architectures?: unknown
  model_type?: unknown
  id2label?: unknown
  problem_type?: unknown
  image_size?: unknown
  layer_type?: unknown
  depths?: unknown
  hidden_act?: unknown
  downsample_in_first_stage?: unknown
  downsample_in_bottleneck?: unknown
}

/** What is read of the preprocessor_config.json that transformers writes. */
interface ProcessorConfig {
  image_processor_type?: unknown
  feature_extractor_type?: unknown
  do_resize?: unknown
  size?: unknown
  crop_pct?: unknown
  do_center_crop?: unknown
  crop_size?: unknown
  resample?: unknown
  do_rescale?: unknown
  rescale_factor?: unknown
  rescale_offset?: unknown
  do_normalize?: unknown
  image_mean?: unknown
  image_std?: unknown
  include_top?: unknown
  do_flip_channel_order?: unknown
}

/** ResNets by the kind of their blocks and how many each stage has. */
const resNets: Readonly<Record<string, string>> = {
  'basic 2,2,2,2': 'resnet18',
  'basic 3,4,6,3': 'resnet34',
  'bottleneck 3,4,6,3': 'resnet50',
  'bottleneck 3,4,23,3': 'resnet101',
  'bottleneck 3,8,36,3': 'resnet152',
}

/** What transformers' configuration says of a model.
 * @throws InvalidArgumentError a value is of another type than transformers writes */
export function describeTransformers(config: TransformersConfig): DescribedModel {
  const { architectures, model_type, id2label, problem_type, image_size } = config
  const classNames = isNamed(id2label) ? requireClassNames('id2label', id2label) : undefined
  const size = typeof image_size === 'number' ? { crop: image_size, resize: image_size } : undefined
  const title =
    Array.isArray(architectures) && architectures.length > 0 ? architectures[0] : (model_type ?? 'a model')
  return {
    architecture: resNetOf(config),
    title: String(title),
    card: {
      ...(classNames && { classNames }),
      ...outputKindOf(problem_type),
      ...(size && { preprocessing: checkedPreprocessing(size) }),
    },
    notes: [],
  }
}

const problems: Readonly<Record<string, OutputKind>> = {
  single_label_classification: 'classes',
  multi_label_classification: 'labels',
  regression: 'values',
}

function outputKindOf(problem: unknown): { outputKind?: OutputKind } {
  if (problem === undefined || problem === null) return {}
  const outputKind = typeof problem === 'string' ? problems[problem] : undefined
  if (!outputKind) throw invalid('problem_type', `one of: ${Object.keys(problems).join(', ')}`, problem)
  return { outputKind }
}

/** Whether the labels are names; transformers numbers those that nobody named. */
function isNamed(labels: unknown): boolean {
  if (typeof labels !== 'object' || labels === null) return false
  return !Object.values(labels).every(label => /^LABEL_\d+$/.test(String(label)))
}

/** The ResNet of the zoo that a configuration describes, where it is one. */
function resNetOf(config: TransformersConfig): string | undefined {
  const { model_type, layer_type = 'bottleneck', depths, hidden_act = 'relu' } = config
  const isUsual =
    hidden_act === 'relu' && !config.downsample_in_first_stage && !config.downsample_in_bottleneck
  return model_type === 'resnet' && isUsual ? resNets[`${layer_type} ${depths}`] : undefined
}

/** Pillow's numbers of its filters. */
const filters = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming']
const ours: readonly string[] = ['lanczos', 'bilinear', 'bicubic']

/** The processors whose size, where it is one number, is the shorter side. */
const byShorterSide = [
  'CLIP',
  'ChineseCLIP',
  'ConvNext',
  'Bit',
  'MobileNetV1',
  'MobileNetV2',
  'MobileViT',
  'Levit',
  'PoolFormer',
]

/** How a processor of transformers prepares images.
 * @throws InvalidArgumentError a value is of another type than transformers writes */
export function preprocessingOf(config: ProcessorConfig): {
  preprocessing: Partial<Preprocessing>
  notes: string[]
} {
  const { resample = 2, do_flip_channel_order } = config
  const filter = filters[requireInteger('resample', resample, 0, filters.length - 1)]!
  const preprocessing = checkedPreprocessing({
    ...sizesOf(config),
    ...normalisationOf(config),
    interpolation: ours.includes(filter) ? (filter as Interpolation) : 'bilinear',
    channelOrder: do_flip_channel_order === true ? 'bgr' : 'rgb',
  })
  return { preprocessing, notes: ours.includes(filter) ? [] : [otherInterpolation(filter)] }
}

type Sizes = Pick<Partial<Preprocessing>, 'resize' | 'crop' | 'squash' | 'cropFirst'>

function sizesOf(config: ProcessorConfig): Sizes {
  const { do_resize = true, do_center_crop = config.crop_size !== undefined, crop_size } = config
  const crop =
    do_center_crop === true && crop_size !== undefined ? sizeOf('crop_size', crop_size, true) : undefined
  if (do_resize !== true || config.size === undefined) {
    // Cutting out alone.
    return crop ? { cropFirst: true, resize: crop.size, crop: crop.size } : {}
  }
  const kind = kindOf(config)
  const { size, isShorter } = sizeOf('size', config.size, !byShorterSide.includes(kind))
  if (kind === 'ConvNext') return convNextSizes(size, config.crop_pct)
  if (!isShorter) return { resize: size, crop: crop?.size ?? size, squash: true }
  const share =
    kind === 'Levit'
      ? 224 / 256
      : config.crop_pct === undefined || config.crop_pct === null
        ? 1
        : config.crop_pct
  return { resize: enlarged(size, share), crop: crop?.size ?? size }
}

/** Small images are cropped by a share, large ones not at all. */
function convNextSizes(size: ImageSize, share: unknown): Sizes {
  if (typeof size === 'number' && size < 384)
    return { resize: enlarged(size, share ?? 224 / 256), crop: size }
  return { resize: size, crop: size, squash: true }
}

function enlarged(size: ImageSize, share: unknown): ImageSize {
  const part = requireNumber('crop_pct', share, 0.01, 1)
  return typeof size === 'number' ? Math.floor(size / part) : size
}

function kindOf({ image_processor_type, feature_extractor_type }: ProcessorConfig): string {
  return String(image_processor_type ?? feature_extractor_type ?? '').replace(
    /(FeatureExtractor|ImageProcessor)\w*$/,
    '',
  )
}

/** A size as transformers writes it: { height, width }, { shortest_edge }, or one number. */
function sizeOf(name: string, size: unknown, isSquare: boolean): { size: ImageSize; isShorter: boolean } {
  if (typeof size === 'number') return { size, isShorter: !isSquare }
  const { height, width, shortest_edge } = (size ?? {}) as Record<string, unknown>
  if (typeof shortest_edge === 'number') return { size: shortest_edge, isShorter: true }
  if (typeof height === 'number' && typeof width === 'number')
    return { size: [height, width], isShorter: false }
  throw invalid(name, '{ height, width }, { shortest_edge } or a number', size)
}

/** What is done to bytes, as mean and std after scaling to [0, 1]. */
function normalisationOf(config: ProcessorConfig): Pick<Partial<Preprocessing>, 'mean' | 'std'> {
  const { do_rescale = true, rescale_factor = 1 / 255, rescale_offset, include_top } = config
  const { image_mean, image_std, do_normalize = image_mean !== undefined } = config
  const factor = do_rescale === true ? requireNumber('rescale_factor', rescale_factor, 1e-12, 1e12) : 1
  const offset = rescale_offset === true ? 1 : 0
  const means = do_normalize === true ? numbers('image_mean', image_mean) : [0, 0, 0]
  const deviations = do_normalize === true ? numbers('image_std', image_std) : [1, 1, 1]
  const white = 255 * factor
  return {
    mean: means.map(mean => (mean + offset) / white),
    // EfficientNet's processor divides a second time for its classifier.
    std: deviations.map(deviation => (include_top === true ? deviation ** 2 : deviation) / white),
  }
}

function numbers(name: string, values: unknown): number[] {
  if (!Array.isArray(values)) throw invalid(name, 'a list of numbers', values)
  return values.map(value => requireNumber(name, value))
}
