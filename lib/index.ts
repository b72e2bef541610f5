export type {
  AttributeOptions,
  AttributeProgress,
  Attributer,
  Attribution,
  AttributionStep,
  HeatMap,
  SeenImage,
  TargetedImage,
} from './attribution/attribution.js'
export { stepMaps } from './attribution/attribution.js'
export type { MethodDescription, OptionDescription, OptionValue } from './attribution/described-options.js'
export type { BatchMessage, MapMessage } from './attribution/diagnostics.js'
export type * from './attribution/method-options.js'
export {
  type Baseline,
  createAttributer,
  describeMethod,
  describeMethods,
  type LrpComposite,
  methodNames,
  methods,
  perSample,
  readout,
} from './attribution/methods.js'
export {
  type ContrastTarget,
  type EmbeddingTarget,
  type LabelsTarget,
  type OutputName,
  type OutputTarget,
  type Target,
  targetText,
  type WeightsTarget,
} from './attribution/target.js'
export {
  type Box,
  type Boxes,
  type ObjectMask,
  type PixelBoxes,
  readBoxes,
  type SeenMask,
  seenMask,
} from './datasets/boxes.js'
export type { ClassOrder } from './datasets/class-folders.js'
export {
  type Dataset,
  type DatasetOptions,
  drawSamples,
  openDataset,
  type Sample,
} from './datasets/dataset.js'
export { bootstrap, type Score } from './evaluation/bootstrap.js'
export { complexity, sparseness } from './evaluation/protocols/complexity.js'
export {
  type ConfidenceChange,
  type ConfidenceOptions,
  type ConfidenceResult,
  confidenceChange,
} from './evaluation/protocols/confidence.js'
export {
  type DegradationCurves,
  type DegradationOptions,
  type DegradationResult,
  degradation,
  type ImageDegradation,
} from './evaluation/protocols/degradation.js'
export {
  type EffectiveHeatRatio,
  type EffectiveHeatRatioOptions,
  effectiveHeatRatio,
  type HeatCounting,
} from './evaluation/protocols/effective-heat-ratio.js'
export {
  type FaithfulnessCorrelationOptions,
  type FaithfulnessCorrelationResult,
  faithfulnessCorrelation,
} from './evaluation/protocols/faithfulness-correlation.js'
export { focus, type MosaicSize, mosaic, type Quarters } from './evaluation/protocols/focus.js'
export {
  type ChannelNoise,
  type ImageInfidelity,
  type InfidelityOptions,
  type InfidelityResult,
  infidelity,
} from './evaluation/protocols/infidelity.js'
export {
  type ImageInsertionDeletion,
  type InsertionDeletionOptions,
  type InsertionDeletionResult,
  insertionDeletion,
  type PixelPreset,
  type PixelSettings,
} from './evaluation/protocols/insertion-deletion.js'
export { type ImageIrof, type IrofOptions, type IrofResult, irof } from './evaluation/protocols/irof.js'
export { type BoundingBoxScore, boundingBoxScore, pointingGame } from './evaluation/protocols/localisation.js'
export { type MaxSensitivityOptions, maxSensitivity } from './evaluation/protocols/max-sensitivity.js'
export {
  type LabelRandomization,
  type LabelRandomizationOptions,
  type LabelSimilarity,
  labelRandomization,
} from './evaluation/protocols/random-labels.js'
export {
  type RandomLogit,
  type RandomLogitOptions,
  randomLogit,
} from './evaluation/protocols/random-logit.js'
export {
  type PerturbationAreas,
  type RegionPerturbationOptions,
  type RegionPerturbationResult,
  regionPerturbation,
} from './evaluation/protocols/region-perturbation.js'
export { type RelevanceAccuracy, relevanceAccuracy } from './evaluation/protocols/relevance-accuracy.js'
export type { RegionBaseline, RegionCurves } from './evaluation/protocols/replaced-regions.js'
export { type ImageRoad, type RoadOptions, type RoadResult, road } from './evaluation/protocols/road.js'
export {
  type CascadeStage,
  type CascadingRandomizationOptions,
  cascade,
  cascadingRandomization,
  type MethodOf,
  type StageSimilarity,
} from './evaluation/protocols/sanity.js'
export {
  type ImageSelectivity,
  type SelectivityOptions,
  type SelectivityResult,
  selectivity,
} from './evaluation/protocols/selectivity.js'
export {
  type MaskedDrops,
  type SensitivityNOptions,
  type SensitivityNResult,
  sensitivityN,
  type TileMasks,
} from './evaluation/protocols/sensitivity-n.js'
export {
  type MapSimilarity,
  mapSimilarity,
  type SsimOptions,
  spearman,
  ssim,
} from './evaluation/similarity.js'
export type { EvaluationOptions, EvaluationProgress } from './evaluation/subject.js'
export { type SegmentMap, type SuperpixelOptions, superpixels } from './evaluation/superpixels.js'
export type { LoadMessage } from './foundation/diagnostics.js'
export * from './foundation/errors.js'
export { type Preset, presets } from './foundation/presets.js'
export type { DecodedImage, ImageSource, Orientation, Picture, RawImage } from './images/decode.js'
export { type ImageFolder, type ImageFolderOptions, imageFolder } from './images/folder.js'
export { type NpyArray, readNpy, writeNpy } from './images/npy.js'
export type { PreparedInput, TextTokens } from './images/prepared-input.js'
export type { GivenPreprocessing, Interpolation, Preprocessing } from './images/preprocess.js'
export type { ImageSize } from './images/size.js'
export type { ImageInput, PreparedImage } from './images/source.js'
export type { TokenInput } from './images/tokens.js'
export {
  type CachedStatistics,
  type CachedStatisticsOptions,
  cachedStatistics,
} from './learned/cached-statistics.js'
export type { LearningOptions } from './learned/learning.js'
export { type FitPatternsOptions, fitPatterns, loadPatterns, type Patterns } from './learned/patterns.js'
export {
  type LearnOptions,
  type Resource,
  type ResourceClass,
  type ResourceDescription,
  resourceNames,
  resources,
} from './learned/resources.js'
export { type RoughStatisticsOptions, roughStatistics } from './learned/rough-statistics.js'
export {
  type EstimateOptions,
  estimate,
  type LayerStatistics,
  loadStatistics,
  type Statistics,
} from './learned/statistics.js'
export { loadReadout, type TrainedReadout } from './learned/trained-readout.js'
export { type ClassNames, readClassNames } from './model/class-names.js'
export { type DemoSample, demo, demoClassNames, demoSamples } from './model/demo.js'
export type { Device } from './model/device.js'
export { type LoadOptions, loadModel } from './model/load-model.js'
export { architectures, type LayerInfo, type Model, type Prediction } from './model/model.js'
export type { Precision } from './model/precision.js'
export { configureRuntime, type RuntimeOptions, warmUp } from './model/runtime.js'
export type { PlainValue, ResourceName } from './native/attribution-calls.js'
export type { TokenSettings } from './native/images-calls.js'
export type { Architecture, MemoryFormat, OutputKind } from './native/model-calls.js'
export type { PatternEstimator, PatternsDescription } from './native/patterns-calls.js'
export type { ReadoutDescription, ReadoutPlace } from './native/readout-calls.js'
export type { StatisticsDescription } from './native/statistics-calls.js'
export type { Tensor } from './native/values.js'
export {
  type AnimationOptions,
  type AnimationStep,
  renderAnimation,
} from './rendering/animation.js'
export type { ColorMap, ColorMapName, Rgb } from './rendering/color-map.js'
export { type OverlayOptions, renderOverlay } from './rendering/overlay.js'
export { renderTokens, type TokenPageOptions } from './rendering/tokens.js'
export type {
  BatchOptions,
  LabelledImage,
  Share,
  TrainingData,
} from './training/data.js'
export { openTrainingData, type TrainingDataOptions } from './training/open-data.js'
export {
  type JoinOptions,
  joinProcesses,
  type Membership,
  membershipFrom,
  ProcessGroup,
} from './training/processes.js'
export { trainReadout } from './training/readout-training.js'
export type { Outcome, TrainingEpoch, TrainingStep } from './training/reports.js'
export { describeTraining, type TrainReadoutOptions } from './training/settings.js'
export type { TrainingOptions } from './training/training-options.js'
export { type FetchWeightsOptions, fetchWeights } from './weights/download.js'
export type { DownloadProgress } from './weights/download-options.js'
export type { WeightsVersion } from './weights/published.js'
