export { bootstrap, type Score } from './bootstrap.js'
export {
  type DegradationCurves,
  type DegradationOptions,
  type DegradationResult,
  degradation,
  type ImageDegradation,
} from './degradation.js'
export {
  type ImageInfidelity,
  type InfidelityOptions,
  type InfidelityResult,
  infidelity,
} from './infidelity.js'
export {
  type ImageInsertionDeletion,
  type InsertionDeletionOptions,
  type InsertionDeletionResult,
  insertionDeletion,
} from './insertion-deletion.js'
export { type BoundingBoxScore, boundingBoxScore, type ObjectMask, pointingGame } from './localisation.js'
export { type MaxSensitivityOptions, maxSensitivity } from './max-sensitivity.js'
export {
  type CascadeStage,
  type CascadingRandomizationOptions,
  cascade,
  cascadingRandomization,
  type StageSimilarity,
} from './randomization.js'
export {
  type MaskedDrops,
  type SensitivityNOptions,
  type SensitivityNResult,
  sensitivityN,
  type TileMasks,
} from './sensitivity-n.js'
export { mapSimilarity, type SsimOptions, spearman, ssim } from './similarity.js'
export type { EvaluationOptions, EvaluationProgress } from './subject.js'
