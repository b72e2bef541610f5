import type { ModelHandle } from './model-calls.js'

export interface RandomisationCalls {
  /** The modules that have parameters, in execution order. */
  parameterModules(call: { model: ModelHandle }): string[]
  /** A copy in which these modules have learnt nothing. */
  reinitialise(call: { model: ModelHandle; modules: readonly string[]; seed: number }): Promise<ModelHandle>
}
