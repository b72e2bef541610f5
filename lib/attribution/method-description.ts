import type { Preset } from '../foundation/presets.js'
import type { PlainValue, ResourceName } from '../native/attribution-calls.js'

/** An option of a method, as data. */
export interface OptionDescription {
  /** As in the options object. */
  name: string
  /** The command line's name for it, where that isn't the option's own: 'lr' for `--lr`. */
  flag?: string
  /** What it means. */
  summary: string
  /** `whole`: a whole number; `flag`: true or false; `choice`: one of `choices`; `numbers`: a list of numbers; `array`: a
   * Float32Array, the path of a .npy file, or one of `choices` where there are some; `images`: a list of images, or the
   * path of a folder or of a .npy file of them. */
  form: 'number' | 'whole' | 'flag' | 'choice' | 'text' | 'numbers' | 'array' | 'images'
  /** What stands for it in each preset where nothing is given; null where the method finds its value out itself. */
  defaults: Readonly<Record<Preset, PlainValue | null>>
  /** Of a number, or of each number of a list or an array. */
  minimum?: number
  /** The greatest value that is taken. */
  maximum?: number
  /** The words that are taken. */
  choices?: readonly string[]
}

/** A method as data: enough to list it, to check its options and to make it. */
export interface MethodDescription {
  /** As in the registry. */
  name: string
  /** One sentence. */
  summary: string
  /** Where it was published, or what its settings follow. */
  source: string
  /** What has to be given beside the options, under these names. */
  needs: readonly ResourceName[]
  /** What can be given as well. */
  takes: readonly ResourceName[]
  /** How many images are explained together where nothing else is asked for. */
  batch: {
    /** On processors. */
    cpu: number
    /** On GPUs. */
    cuda: number
  }
  /** Its options and what all methods have. */
  options: readonly OptionDescription[]
}
