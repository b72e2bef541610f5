import type { ModelHandle } from './model-calls.js'
import type { NativeTarget } from './target.js'
import type { Cancellable, Handle, InputTensor, Tensor } from './values.js'

export type MethodHandle = Handle<'method'>

/** What has to be made once for a model before some methods can be used with it. */
export type ResourceName = 'statistics' | 'patterns' | 'readout'

/** The value of an option that is no array. */
export type PlainValue = number | boolean | string | readonly number[]

/** The value of an option. */
export type NativeOptionValue = PlainValue | Tensor

/** An option of a method. `standard` and `paper` stand for it in the two presets where nothing is given; null where
 * the method finds its value out itself. */
export interface NativeOptionSpec {
  name: string
  summary: string
  form: 'number' | 'whole' | 'flag' | 'choice' | 'text' | 'numbers' | 'array' | 'images'
  standard: PlainValue | null
  paper: PlainValue | null
  minimum: number
  maximum: number
  choices: string[]
}

export interface NativeMethod {
  name: string
  summary: string
  source: string
  needs: ResourceName[]
  /** What it can use beside that. */
  takes: ResourceName[]
  /** How many images are explained together where nothing else is asked for. */
  batch: { cpu: number; cuda: number }
  options: NativeOptionSpec[]
}

export interface NativeAttribution {
  /** The class or label; -1 where something else was explained. */
  target: number
  score: number
  probability: number
  map: Tensor
  checks: Record<string, number>
  series: Record<string, number[]>
  tensors: Record<string, Tensor>
}

/** What a step of the work found for an image, while the others go on. */
export interface NativeStep {
  /** Which of the call's images. */
  image: number
  step: number
  steps: number
  target: number
  score: number
  probability: number
  numbers: Record<string, number>
  /** Where maps were asked for. */
  map?: Tensor
  unit: 'bits/pixel' | 'logits' | 'relative'
}

/** What to explain of an image. */
export interface Request {
  target: NativeTarget
  seed: number
}

export interface AttributionCalls {
  methods(): NativeMethod[]
  createMethod(call: {
    model: ModelHandle
    method: string
    options: Readonly<Record<string, NativeOptionValue>>
    resources: Readonly<Partial<Record<ResourceName, Handle<string>>>>
  }): Promise<MethodHandle>
  runMethod(
    call: {
      method: MethodHandle
      images: InputTensor
      requests: readonly Request[]
      /** Told of each step, of methods that have steps. */
      onStep?: (step: NativeStep) => void
      /** Whether it is told the maps so far. */
      stepMaps?: boolean
    } & Cancellable,
  ): Promise<{ unit: 'bits/pixel' | 'logits' | 'relative'; attributions: NativeAttribution[] }>
}
