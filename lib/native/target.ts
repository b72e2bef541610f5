/** What is explained of an image, as the add-on takes it; see native/core/target/target.h. */
export interface NativeTarget {
  kind:
    | 'class'
    | 'label'
    | 'contrast'
    | 'labels'
    | 'prediction'
    | 'value'
    | 'away'
    | 'similarity'
    | 'weighting'
  /** Of the class or output; -1 for the predicted class. */
  index: number
  others: readonly number[]
  weights: readonly number[]
  value: number
}
