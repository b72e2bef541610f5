import type { CancellationHandle, Handle, InputTensor, Tensor } from './values.js'

export type ModelHandle = Handle<'model'>

/** How activations lie in memory. */
export type MemoryFormat = 'channels-last' | 'contiguous'

/** What a network's outputs are: the logits of classes of which one is right, the logits of labels that may hold together,
 * values such as a regression gives, or an embedding. */
export type OutputKind = 'classes' | 'labels' | 'values' | 'embedding'

/** What a network computes in. */
export type NumberType = 'float32' | 'bfloat16'

/** Where a network runs, what it computes in, and how its activations lie in memory. */
export interface Place {
  device: string
  precision: NumberType
  memoryFormat: MemoryFormat
}

/** A network of the zoo. */
export interface Architecture {
  /** As torchvision spells it. */
  name: string
  /** Networks of one design, such as 'ResNet'. */
  family: string
  /** The paper's place for the bottleneck. */
  bottleneckLayer: string
}

export interface ModelDescription {
  architecture: string
  classes: number
  outputKind: OutputKind
  /** Whether its two classes, no and yes, are those of a single logit. */
  isBinary: boolean
  /** 0 where the network takes token ids. */
  inputChannels: number
  /** How many tokens it knows, where it takes token ids. */
  vocabulary: number | null
  bottleneckLayer: string
  gradCamLayer: string
  /** Where methods with several bottlenecks put them, if nothing else is said. */
  blockLayers: string[]
  /** Height and width, where the network takes images of one size only; of token ids 1 and how many it takes. */
  imageSize: [number, number] | null
  /** What white is in images that the network normalises itself, where it does. */
  white: 1 | 255 | null
  weightHash: string
  device: string
  precision: NumberType
  layers: string[]
  notes: string[]
}

export interface ModelCalls {
  architectures(): Architecture[]
  /** Throws, naming the nearest, where there is no such architecture. */
  checkArchitecture(call: { architecture: string }): void
  /** Those of a network of the zoo. */
  blockLayers(call: { architecture: string }): string[]
  loadModel(call: {
    network: {
      architecture: string
      weights: string | null
      seed: number
      outputKind: OutputKind
      classes: number
      width?: number
      inputChannels: number
    }
    place: Place
    cancellation?: CancellationHandle
  }): Promise<ModelHandle>
  /** A model from a file, which is tried on images of this size. `output` names the one to explain of several. */
  importModel(call: {
    file: string
    height: number
    width: number
    output: string | null
    /** null: as the file tells. */
    outputKind: OutputKind | null
    place: Place
    cancellation?: CancellationHandle
  }): Promise<ModelHandle>
  /** The files beside an ONNX model that hold tensors of it, as seen from its folder; none for other files. */
  externalFiles(call: { file: string }): Promise<string[]>
  describeModel(call: { model: ModelHandle }): ModelDescription
  layerShapes(call: {
    model: ModelHandle
    height: number
    width: number
  }): Promise<{ name: string; kind: string; shape: number[] }[]>
  logits(call: { model: ModelHandle; images: InputTensor }): Promise<Tensor>
  /** The gradient of the sum over the images of one class's logit with respect to a layer's activation. */
  layerGradient(call: {
    model: ModelHandle
    layer: string
    images: InputTensor
    target: number
  }): Promise<Tensor>
  predict(call: {
    model: ModelHandle
    images: InputTensor
  }): Promise<{ target: number; probability: number }[]>
}
