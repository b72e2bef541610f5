export type {
  AttributeOptions,
  AttributeProgress,
  Attributer,
  Attribution,
  HeatMap,
  SeenImage,
  StepReport,
  TargetedImage,
} from './attribution.js'
export { type DemoSample, demo, demoClassNames, demoSamples } from './demo.js'
export type { Device } from './device.js'
export * from './errors.js'
export type { DecodedImage, ImageSource, RawImage } from './images/decode.js'
export { type ImageFolder, imageFolder } from './images/folder.js'
export { type NpyArray, readNpy, writeNpy } from './images/npy.js'
export type { Preprocessing } from './images/preprocess.js'
export type { ImageInput, PreparedImage } from './images/source.js'
export type { LearningOptions } from './learning.js'
export type { MethodDescription, OptionDescription, OptionValue } from './method-options.js'
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
} from './methods.js'
export {
  architectures,
  type LayerInfo,
  type LoadOptions,
  loadModel,
  type Model,
  type Prediction,
} from './model.js'
export { fitPatterns, loadPatterns, type Patterns } from './patterns.js'
export { type PerSampleAttribution, type PerSampleOptions, perSample } from './per-sample.js'
export { type Preset, presets } from './presets.js'
export { joinProcesses, type Membership, membershipFrom, ProcessGroup } from './processes.js'
export { type ReadoutAttribution, type ReadoutOptions, readout } from './readout.js'
export { renderAnimation } from './rendering/animation.js'
export { renderOverlay } from './rendering/overlay.js'
export { type EstimateOptions, estimate, loadStatistics, type Statistics } from './statistics.js'
export { loadReadout, type TrainedReadout } from './trained-readout.js'
export type { LabelledImage, TrainingData } from './training/data.js'
export { openTrainingData } from './training/open-data.js'
export type { Outcome, TrainingEpoch, TrainingStep } from './training/reports.js'
export type { TrainReadoutOptions } from './training/settings.js'
export { trainReadout } from './training/train-readout.js'
export { fetchWeights } from './weights/download.js'
