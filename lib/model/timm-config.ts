import { invalid, requireNumber } from '../foundation/validate.js'
import { interpolations } from '../images/preprocess.js'
import type { Interpolation, Preprocessing } from '../native/images-calls.js'
import { requireClassNames } from './class-names.js'
import { type DescribedModel, otherInterpolation } from './described-model.js'
import { imageNetClasses } from './imagenet-classes.js'
import { checkedPreprocessing } from './model-card.js'

/** What is read of the config.json that timm writes beside weights. */
export interface TimmConfig {
  architecture?: unknown
  num_classes?: unknown
  label_names?: unknown
  pretrained_cfg: {
    tag?: unknown
    input_size?: unknown
    crop_pct?: unknown
    crop_mode?: unknown
    interpolation?: unknown
    mean?: unknown
    std?: unknown
    label_names?: unknown
  }
}

const usualCropShare = 0.875

/** What timm's configuration says of a model.
 * @throws InvalidArgumentError a value is of another type than timm writes */
export function describeTimm(config: TimmConfig): DescribedModel {
  const { architecture, pretrained_cfg: published } = config
  if (typeof published !== 'object' || published === null)
    throw invalid('pretrained_cfg', 'an object', published)
  const { preprocessing, notes } = preprocessingOf(published)
  const classNames = classNamesOf(config)
  return {
    architecture: typeof architecture === 'string' ? architecture : undefined,
    title: `timm's ${String(architecture)}`,
    card: { preprocessing, ...(classNames && { classNames }) },
    notes,
  }
}

function classNamesOf({
  label_names,
  num_classes,
  pretrained_cfg: published,
}: TimmConfig): readonly string[] | undefined {
  const names = label_names ?? published.label_names
  if (names !== undefined && names !== null) return requireClassNames('label_names', names)
  const isImageNet = /(^|_)in1k(_\d+)?$/.test(String(published.tag)) && num_classes === imageNetClasses.length
  return isImageNet ? imageNetClasses : undefined
}

/** As timm evaluates: resized to the input's size over the share that the crop keeps. */
function preprocessingOf({
  input_size,
  crop_pct,
  crop_mode = 'center',
  interpolation = 'bilinear',
  mean,
  std,
}: TimmConfig['pretrained_cfg']): { preprocessing: Partial<Preprocessing>; notes: string[] } {
  const notes: string[] = []
  if (!Array.isArray(input_size) || input_size.length !== 3)
    throw invalid('input_size', '[channels, height, width]', input_size)
  const crop = [
    requireNumber('input_size', input_size[1], 1),
    requireNumber('input_size', input_size[2], 1),
  ] as const
  const share = requireNumber('crop_pct', crop_pct ?? usualCropShare, 0.01, 1)
  const resize = [Math.floor(crop[0] / share), Math.floor(crop[1] / share)] as const
  const isKnown = (interpolations as readonly unknown[]).includes(interpolation)
  if (!isKnown) notes.push(otherInterpolation(String(interpolation)))
  if (crop_mode === 'border')
    notes.push(
      'timm puts borders around pictures that are not square for this model; here their centre is taken.',
    )
  const preprocessing = checkedPreprocessing({
    crop,
    resize,
    squash: crop_mode === 'squash',
    interpolation: isKnown ? (interpolation as Interpolation) : 'bilinear',
    ...(mean !== undefined && { mean: mean as number[] }),
    ...(std !== undefined && { std: std as number[] }),
  })
  return { preprocessing, notes }
}
