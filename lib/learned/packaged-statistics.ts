import { demo, packaged } from '../model/demo.js'

const files = new Map([
  ['demo', demo.statistics],
  ['efficientnet-lite0', packaged('efficientnet-lite0.statistics.safetensors')],
])

/** The path of the statistics that come with the package for a network with its trained weights: of its bottleneck layer, for
 * images of its usual size. Undefined where there are none. */
export function packagedStatistics(model: string): string | undefined {
  return files.get(model)
}
