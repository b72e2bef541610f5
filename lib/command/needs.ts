import { architectures, demo, type MethodDescription, type OptionValue } from '../index.js'
import { modelLabel } from '../model/model-file.js'
import { UsageError } from './exit.js'
import type { MethodFlags } from './method.js'
import type { ModelOptions, PreprocessingOptions } from './options.js'
import { shellWord } from './output.js'

type Given = ModelOptions &
  PreprocessingOptions &
  Pick<MethodFlags, 'set' | 'statistics' | 'patterns' | 'readout' | 'layer' | 'preset'>

/** The file of statistics that the method needs, if it needs any; the demo network brings its own.
 * @throws UsageError there is none, with the command that makes it */
export function chosenStatistics(method: MethodDescription, options: Given): string | undefined {
  if (!method.needs.includes('statistics')) return undefined
  if (options.statistics !== undefined) return options.statistics
  if (usesDemoNetwork(options)) return 'demo'
  const { model } = options
  const layer = chosenLayer(options)
  const file = `${modelLabel(model)}-${layer ?? 'statistics'}.safetensors`
  const words = layer === undefined ? [] : ['--layers', layer]
  throw new UsageError(
    `${model} needs statistics of its layer${layer === undefined ? '' : ` ${layer}`}. Make them once, from a ` +
      `folder of typical images (10,000 are best):\n\n  ${learningCommand('estimate', options, file, words)}\n\n` +
      `then add --statistics ${shellWord(file)} to this command.`,
  )
}

/** The layer for the bottleneck; a model file's own choice is known only once it is loaded. */
function chosenLayer({ model, layer }: Given): string | undefined {
  const architecture = model === 'demo' ? demo.architecture : model
  return layer ?? architectures().find(({ name }) => name === architecture)?.bottleneckLayer
}

/** The settings with the trained readout that the demo network brings, if the method needs one and none is given.
 * @throws UsageError the method needs patterns, or a trained readout, with the command that makes them */
export function withLearnt(
  method: MethodDescription,
  settings: Record<string, OptionValue>,
  options: Given,
): Record<string, OptionValue> {
  requirePatterns(method, options)
  if (!method.needs.includes('readout') || settings.weights !== undefined) return settings
  if (usesDemoNetwork(options)) return { ...settings, weights: 'demo' }
  throw missingReadout(method, options)
}

function requirePatterns(method: MethodDescription, options: Given): void {
  const given = options.patterns !== undefined || options.set.some(({ name }) => name === 'patterns')
  if (given || !method.needs.includes('patterns')) return
  const file = `${modelLabel(options.model)}-patterns.safetensors`
  throw new UsageError(
    `${method.name} needs patterns of ${options.model}. Fit them once, from a folder of typical images:\n\n` +
      `  ${learningCommand('fit-patterns', options, file, [])}\n\n` +
      `then add --patterns ${shellWord(file)} to this command.`,
  )
}

function missingReadout(method: MethodDescription, options: Given): UsageError {
  const file = `${options.model}-readout.safetensors`
  const words = ['iba', 'train-readout', '--model', options.model, '--data', 'FOLDER', '--out', file]
  return new UsageError(
    `${method.name} needs a readout that was trained on ${options.model}. Train one, on labelled images:\n\n` +
      `  ${words.map(shellWord).join(' ')}\n\nthen add --readout ${shellWord(file)} to this command.`,
  )
}

/** Whether the network is the trained one that comes with the package. */
export function usesDemoNetwork({ model, weights }: ModelOptions): boolean {
  return model === 'demo' && weights === undefined
}

function learningCommand(command: string, options: Given, file: string, more: readonly string[]): string {
  const { model, weights, device, preset, resize, crop, cropFirst } = options
  const words = ['iba', command, '--model', model]
  if (weights !== undefined) words.push('--weights', weights)
  words.push(...more, '--images', 'FOLDER')
  if (command === 'estimate' && preset !== undefined) words.push('--preset', preset)
  if (resize !== undefined) words.push('--resize', String(resize))
  if (crop !== undefined) words.push('--crop', String(crop))
  if (cropFirst) words.push('--crop-first')
  if (device !== 'auto') words.push('--device', device)
  return [...words, '--out', file].map(shellWord).join(' ')
}
