import { checkOptions, type OptionValue, option } from '../../attribution/described-options.js'
import type { Sample } from '../../datasets/dataset.js'
import { InvalidArgumentError } from '../../foundation/errors.js'
import { invalid } from '../../foundation/validate.js'
import type { PreparedInput } from '../../images/prepared-input.js'
import { type Model, stackImages } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import { callNative } from '../../native/call.js'
import type { ImageInsertionDeletion } from '../../native/evaluation-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean, meanCurve } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
  watchedTarget,
} from '../subject.js'
import { eachImage, inputSize, rounded, valuesOf } from './each-image.js'
import { declareProtocol, type RunContext } from './protocol.js'

/** What stands for the settings that aren't given: RISE's code, InputIBA's with the blur of its tutorial, or CoIBA's. */
export type PixelPreset = 'rise' | 'input-iba' | 'coiba'

/** How an image's pixels come and go. */
export interface PixelSettings {
  /** Pixels that are changed from one point to the next. */
  step: number
  /** The side of the Gaussian's kernel, odd, in pixels: pixels are inserted into an image that it blurred. */
  blurKernel: number
  /** The Gaussian's standard deviation in pixels. */
  blurDeviation: number
  /** What becomes of the Gaussian beyond the kernel: cut off, or folded back at the kernel's edges as RISE's code has it. */
  blurTails: 'cut' | 'folded'
  /** What the blur reads beyond the border: 0 after normalisation, or the image mirrored. */
  blurBorder: 'zero' | 'mirror'
  /** What a deleted pixel is: 0 after normalisation, which is the mean colour that the pre-processing subtracts, or black,
   * 0 before it. */
  deletion: 'mean' | 'black'
  /** Images whose class has a lower probability are left out, as InputIBA's evaluation does below 0.6. */
  minimumProbability: number
}

const presets: Readonly<Record<PixelPreset, PixelSettings>> = {
  rise: {
    step: 224,
    blurKernel: 11,
    blurDeviation: 5,
    blurTails: 'folded',
    blurBorder: 'zero',
    deletion: 'mean',
    minimumProbability: 0,
  },
  'input-iba': {
    step: 10,
    blurKernel: 29,
    blurDeviation: 15,
    blurTails: 'cut',
    blurBorder: 'mirror',
    deletion: 'mean',
    minimumProbability: 0.6,
  },
  coiba: {
    step: 1792,
    blurKernel: 51,
    blurDeviation: 50,
    blurTails: 'folded',
    blurBorder: 'zero',
    deletion: 'black',
    minimumProbability: 0,
  },
}

const pixelOptions = [
  option('preset', 'choice', 'the paper whose code has the settings that are not given', 'rise', {
    flag: 'protocol-preset',
    choices: Object.keys(presets),
  }),
  option('step', 'whole', 'pixels changed from one point to the next', null, { flag: 'pixels', minimum: 1 }),
  option('blurKernel', 'whole', "the side of the blur's kernel, odd", null, { minimum: 1, maximum: 4095 }),
  option('blurDeviation', 'number', "the blur's standard deviation in pixels", null, {
    minimum: 1e-3,
    maximum: 1e6,
  }),
  option('blurTails', 'choice', 'the Gaussian beyond its kernel', null, { choices: ['cut', 'folded'] }),
  option('blurBorder', 'choice', 'what is read beyond the border', null, { choices: ['zero', 'mirror'] }),
  option('deletion', 'choice', 'what deleted pixels are: the mean colour, or black', null, {
    choices: ['mean', 'black'],
  }),
  option('minimumProbability', 'number', 'images whose class is less probable are left out', null, {
    minimum: 0,
    maximum: 1,
  }),
]

/** Options of {@link insertionDeletion}. */
export interface InsertionDeletionOptions extends EvaluationOptions, Partial<PixelSettings> {
  /** What stands for the settings that aren't given. Default 'rise'. */
  preset?: PixelPreset
}

export type { ImageInsertionDeletion }

/** The curves of all images. */
export interface InsertionDeletionResult {
  /** Those of each image that takes part. */
  images: ImageInsertionDeletion[]
  /** How many images were left out, since their class is less probable than `minimumProbability`. Targets other than a class
   * always take part. */
  leftOut: number
  /** Mean area under the insertion curves: higher is better. */
  insertion: number
  /** Mean area under the deletion curves: lower is better. */
  deletion: number
  /** All settings, which decide the numbers and differ from paper to paper. */
  settings: PixelSettings
}

/** Insertion and deletion (Petsiuk, Das, Saenko 2018, “RISE”, section 4.1): the pixels of an image are deleted, or put into
 * a blurred image, most relevant first.
 * @throws InvalidArgumentError, also where every image is left out; ModelError, ImageError */
export async function insertionDeletion(
  model: Model,
  options: InsertionDeletionOptions,
): Promise<InsertionDeletionResult> {
  const names = pixelOptions.map(({ name }) => name)
  requireEvaluationOptions(options, names)
  const given = Object.entries(options).filter(([name]) => names.includes(name))
  const settings = completeSettings(
    checkOptions({ name: 'insertionDeletion', options: pixelOptions }, Object.fromEntries(given)),
  )
  const { minimumProbability } = settings
  const found = await evaluateEach(model, options, async (subject, running) => {
    const { input, target } = subject
    const isClass = typeof target !== 'object'
    if (isClass && !(await isProbable(model, input, target, minimumProbability))) return undefined
    return await insertAndDeleteImage(model, subject, settings, running)
  })
  const images = found.filter(image => image !== undefined)
  if (images.length === 0 && found.length > 0)
    throw new InvalidArgumentError(
      `No image took part: the class of each has a probability below ${minimumProbability}. Give a lower minimumProbability.`,
    )
  return {
    images,
    leftOut: found.length - images.length,
    insertion: mean(images.map(({ insertionArea }) => insertionArea)),
    deletion: mean(images.map(({ deletionArea }) => deletionArea)),
    settings,
  }
}

/** The given settings, and those of the preset in place of what isn't given.
 * @throws InvalidArgumentError for a kernel that has no middle */
function completeSettings({
  preset = 'rise',
  ...given
}: Readonly<Record<string, OptionValue>>): PixelSettings {
  const settings = { ...presets[preset as PixelPreset], ...given } as PixelSettings
  if (settings.blurKernel % 2 === 0) throw invalid('blurKernel', 'an odd number', settings.blurKernel)
  return settings
}

/** Whether an image's class, or the predicted one for -1, has at least this probability. */
async function isProbable(
  model: Model,
  input: PreparedInput,
  target: number | string,
  minimum: number,
): Promise<boolean> {
  if (minimum === 0) return true
  const call = { model: model.handle, images: stackImages([input]), target: watchedTarget(target, model) }
  const { strengths } = await callNative(() => addon().strengths(call))
  return strengths[0]! >= minimum
}

/** Leaves out images whose class has a lower probability. */
function probableImages({ model, explained }: RunContext, minimum: number) {
  return async (sample: Sample, _: unknown, input: () => Promise<PreparedInput>) => {
    const target = explained === 'label' ? sample.target : -1
    if (minimum === 0 || (await isProbable(model, await input(), target, minimum)))
      return { extra: undefined }
    return { skip: `its class has a probability below ${minimum}` }
  }
}

async function insertAndDeleteImage(
  model: Model,
  subject: Subject,
  { step, blurKernel, blurDeviation, blurTails, blurBorder, deletion }: PixelSettings,
  settings: SubjectSettings,
): Promise<ImageInsertionDeletion> {
  const { mean: means, std } = model.preprocessing
  const deleted = means.map((value, channel) => (deletion === 'black' ? -value / std[channel]! : 0))
  const blur = { size: blurKernel, deviation: blurDeviation, tails: blurTails, border: blurBorder }
  return await runNative(
    model,
    subject,
    call => addon().insertionDeletion({ ...call, step, blur, deleted }),
    settings,
  )
}

export const insertionDeletionProtocol = declareProtocol<PixelSettings>(
  {
    kind: 'insertion-deletion',
    title: 'Insertion and deletion',
    summary: 'insert and delete pixels, most relevant first',
    source: 'Petsiuk et al. 2018',
    direction: 'higher',
    scoreName: 'insertion',
    samples: 1000,
    options: pixelOptions,
    complete: settings => ({ preset: 'rise', ...settings, ...completeSettings(settings) }),
    tell: ({ step, blurKernel, blurDeviation, blurTails, blurBorder, deletion, minimumProbability }) =>
      `${step} pixels a step, blur ${blurKernel}×${blurKernel} σ ${blurDeviation} (tails ${blurTails}, border ${blurBorder}), ` +
      `deletion to ${deletion === 'black' ? 'black' : 'the mean colour'}` +
      (minimumProbability === 0 ? '' : `, classes of a probability of at least ${minimumProbability}`),
    chart: { x: 'changed share, %', y: 'probability of the class', scale: 'percent' },
  },
  pixels => ({
    work(model) {
      const { width, height } = inputSize(model)
      return { maps: 1, passes: 2 * (Math.ceil((width * height) / pixels.step) + 1) }
    },
    run: context =>
      eachImage(context, {
        prepare: probableImages(context, pixels.minimumProbability),
        async evaluate({ subject }, settings) {
          const found = await insertAndDeleteImage(context.model, subject, pixels, settings)
          const { shares, insertion, deletion } = found
          return {
            ...found,
            shares: rounded(shares),
            insertion: rounded(insertion),
            deletion: rounded(deletion),
          }
        },
      }),
    summarise(records) {
      const images = valuesOf<ImageInsertionDeletion>(records)
      const insertion = bootstrapMean(images.map(image => image.insertionArea))
      const deletion = bootstrapMean(images.map(image => image.deletionArea))
      const x = rounded(images[0]?.shares ?? [])
      return {
        score: insertion,
        scores: { insertion, deletion },
        curves: [
          { name: 'insertion', x, y: rounded(meanCurve(images.map(image => image.insertion))) },
          { name: 'deletion', x, y: rounded(meanCurve(images.map(image => image.deletion))) },
        ],
      }
    },
  }),
)
