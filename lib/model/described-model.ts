import type { ModelCard } from './model-card.js'

/** What a configuration of another library says of a model. */
export interface DescribedModel {
  /** The network of the zoo that it is, where it is one. */
  architecture: string | undefined
  /** What the configuration calls it. */
  title: string
  card: ModelCard
  notes: string[]
}

/** The note on an interpolation that there is none of here. */
export function otherInterpolation(name: string): string {
  return `This model's images are meant to be resized by '${name}', which there is not; bilinear is taken.`
}
