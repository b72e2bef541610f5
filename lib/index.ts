export type {
  AttributeOptions,
  AttributeProgress,
  Attributer,
  Attribution,
  HeatMap,
  SeenImage,
  StepReport,
  TargetedImage,
} from './attribution/attribution.js'
export {
  type Baseline,
  createAttributer,
  describeMethod,
  describeMethods,
  type GradCamOptions,
  type IntegratedGradientsOptions,
  type LrpComposite,
  type LrpOptions,
  type MethodName,
  type MethodOptions,
  methodNames,
  methods,
  type OcclusionOptions,
  type PatternOptions,
  type SmoothGradOptions,
} from './attribution/methods.js'
export type { MethodDescription, OptionDescription, OptionValue } from './attribution/options.js'
export { type PerSampleAttribution, type PerSampleOptions, perSample } from './attribution/per-sample.js'
export { type ReadoutAttribution, type ReadoutOptions, readout } from './attribution/readout.js'
export { type Box, readBoxes, type SeenMask, seenMask } from './datasets/boxes.js'
export {
  type Dataset,
  type DatasetOptions,
  drawSamples,
  openDataset,
  type Sample,
} from './datasets/dataset.js'
export { DatasetError } from './datasets/dataset-error.js'
export * from './evaluation/index.js'
export * from './foundation/errors.js'
export { type Preset, presets } from './foundation/presets.js'
export type { DecodedImage, ImageSource, RawImage } from './images/decode.js'
export { type ImageFolder, imageFolder } from './images/folder.js'
export { type NpyArray, readNpy, writeNpy } from './images/npy.js'
export type { Preprocessing } from './images/preprocess.js'
export type { ImageInput, PreparedImage } from './images/source.js'
export type { LearningOptions } from './learned/learning.js'
export { fitPatterns, loadPatterns, type Patterns } from './learned/patterns.js'
export { type EstimateOptions, estimate, loadStatistics, type Statistics } from './learned/statistics.js'
export { loadReadout, type TrainedReadout } from './learned/trained-readout.js'
export { type DemoSample, demo, demoClassNames, demoSamples } from './model/demo.js'
export type { Device } from './model/device.js'
export {
  architectures,
  type LayerInfo,
  type LoadOptions,
  loadModel,
  type Model,
  type Prediction,
} from './model/model.js'
export { renderAnimation } from './rendering/animation.js'
export { renderOverlay } from './rendering/overlay.js'
export type { LabelledImage, TrainingData } from './training/data.js'
export { openTrainingData } from './training/open-data.js'
export { joinProcesses, type Membership, membershipFrom, ProcessGroup } from './training/processes.js'
export type { Outcome, TrainingEpoch, TrainingStep } from './training/reports.js'
export type { TrainReadoutOptions } from './training/settings.js'
export { trainReadout } from './training/train-readout.js'
export { fetchWeights } from './weights/download.js'
