import type { Model } from '../model/model.js'
import type { MethodDescription, OptionValue } from './described-options.js'

/** Whether a method has bottlenecks in several layers. */
export function hasSeveralLayers({ options }: MethodDescription): boolean {
  return options.some(({ name }) => name === 'layers')
}

/** The layers of which a method needs statistics, with its options. */
export function neededLayers(
  model: Model,
  method: MethodDescription,
  { layer, layers }: Readonly<Record<string, OptionValue>>,
): readonly string[] {
  if (!hasSeveralLayers(method)) return [typeof layer === 'string' ? layer : model.bottleneckLayer]
  return typeof layers === 'string' ? layers.split(',').map(name => name.trim()) : model.blockLayers
}
