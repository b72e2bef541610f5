import { types } from 'node:util'
import { invalid, requireInteger, requireKnownKeys, requireNumber } from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import type { NativeTarget } from '../native/target.js'

/** A class, a label or another output of a network: its index, or its name where the model has names. */
export type OutputName = number | string

/** One class against others: the logit less the logarithm of the summed exponentials of the others', which are those
 * named behind it, or all where there are none. Its probability is the share that it has of these. */
export interface ContrastTarget {
  /** The class that is explained, and behind it the others. */
  contrast: readonly OutputName[]
}

/** That just these of all labels hold: the negative binary cross-entropy, a mean over all labels (Khakzar et al. 2021). */
export interface LabelsTarget {
  /** Those that hold; none of the others does. */
  labels: readonly OutputName[]
}

/** One output, such as that of a regression. 'prediction', the default: for methods that go back from a number it is the
 * output itself, for bottlenecks that it stays as it is for the unchanged image; 'up' and 'down': that it is high or low;
 * 'away': that it is far from 0, on either side; a number: that it is near it. */
export interface OutputTarget {
  /** Which output. */
  output: OutputName
  /** What is asked of it. Default 'prediction'. */
  towards?: 'prediction' | 'up' | 'down' | 'away' | number
}

/** The cosine of the network's outputs with an embedding, such as that of a text (Wang et al. 2023). */
export interface EmbeddingTarget {
  /** A number for each output of the network. */
  embedding: Float32Array | readonly number[]
}

/** The sum of the outputs times these weights. A bottleneck's loss then has no lower bound. */
export interface WeightsTarget {
  /** One for each output of the network. */
  weights: Float32Array | readonly number[]
}

/** What is explained of an image: what turns the network's outputs into one number, the score. A number or a name is a
 * class: its logit; of a network of labels that label's logit; of one of values that output. */
export type Target =
  | OutputName
  | ContrastTarget
  | LabelsTarget
  | OutputTarget
  | EmbeddingTarget
  | WeightsTarget

/** @internal Whether each image has a target of its own. */
export function isTargetList(
  targets: Target | readonly (Target | null)[] | undefined,
): targets is readonly (Target | null)[] {
  return Array.isArray(targets)
}

/** What is explained where nothing is said: the predicted class. */
export const predictedClass: NativeTarget = { kind: 'class', index: -1, others: [], weights: [], value: 0 }

/** The forms that a target may have, for messages. */
export const targetForms =
  'a class, { contrast: […] }, { labels: […] }, { output }, { embedding: […] } or { weights: […] }'

/** @internal A target as the add-on takes it.
 * @throws InvalidArgumentError it is none, or not of this network; ModelError there is no class of that name */
export function nativeTarget(target: unknown, model: Model, name = 'target'): NativeTarget {
  const plain = (part: Partial<NativeTarget>): NativeTarget => ({ ...predictedClass, ...part })
  if (typeof target === 'number' || typeof target === 'string')
    return plain({ index: outputIndex(name, target, model) })
  const given = requireTargetObject(name, target)
  if ('contrast' in given) {
    const [index, ...others] = outputIndices(`${name}.contrast`, given.contrast, model)
    return plain({ kind: 'contrast', index: index!, others })
  }
  if ('labels' in given) return plain({ kind: 'labels', others: labelIndices(name, given.labels, model) })
  if ('embedding' in given)
    return plain({ kind: 'similarity', weights: numbers(`${name}.embedding`, given.embedding, model) })
  if ('weights' in given)
    return plain({ kind: 'weighting', weights: numbers(`${name}.weights`, given.weights, model) })
  return plain(outputTarget(name, given, model))
}

/** @internal A target as a result tells it: the class that was explained, or what was asked for. */
export function explainedTarget(asked: Target | undefined, model: Model, found: number): Target {
  if (found >= 0) return found
  if (typeof asked === 'string') return { output: model.classIndex(asked) }
  return typeof asked === 'object' ? asked : { output: asked ?? 0 }
}

/** A target in a few words, such as a picture's title needs them. */
export function targetText(target: Target, classNames: readonly string[] = []): string {
  const named = (output: OutputName) =>
    typeof output === 'string' ? output : (classNames[output] ?? String(output))
  if (typeof target === 'string') return target
  if (typeof target === 'number') return classNames[target] ?? `class ${target}`
  if ('contrast' in target) {
    const [first, ...others] = target.contrast.map(named)
    return `${first} against ${others.length > 0 ? others.join(', ') : 'the rest'}`
  }
  if ('labels' in target) return `labels ${target.labels.map(named).join(', ') || 'none'}`
  if ('embedding' in target) return 'similarity with an embedding'
  if ('weights' in target) return 'weighted outputs'
  const { output, towards = 'prediction' } = target
  return `output ${named(output)}${towards === 'prediction' ? '' : ` towards ${towards}`}`
}

/** The class of a target that is one.
 * @throws InvalidArgumentError where it is none, saying what needs one */
export function requireClass(target: Target, what: string): number {
  if (typeof target === 'number') return target
  throw invalid('target', `a class (${what} follows the probability of one)`, target)
}

const kinds = ['contrast', 'labels', 'output', 'embedding', 'weights'] as const

type TargetObject = ContrastTarget | LabelsTarget | OutputTarget | EmbeddingTarget | WeightsTarget

function requireTargetObject(name: string, target: unknown): TargetObject {
  if (typeof target !== 'object' || target === null || Array.isArray(target))
    throw invalid(name, targetForms, target)
  const found = kinds.filter(kind => kind in target)
  if (found.length !== 1) throw invalid(name, targetForms, target)
  requireKnownKeys(name, target, found[0] === 'output' ? ['output', 'towards'] : found)
  return target as TargetObject
}

function outputIndex(name: string, output: unknown, model: Model): number {
  if (typeof output === 'string') return model.classIndex(output)
  return requireInteger(name, output, 0, model.classes - 1)
}

function outputIndices(name: string, outputs: unknown, model: Model): number[] {
  if (!Array.isArray(outputs) || outputs.length === 0)
    throw invalid(name, 'a list of at least one output', outputs)
  return outputs.map((output, i) => outputIndex(`${name}[${i}]`, output, model))
}

function labelIndices(name: string, labels: unknown, model: Model): number[] {
  return Array.isArray(labels) && labels.length === 0 ? [] : outputIndices(`${name}.labels`, labels, model)
}

function numbers(name: string, values: unknown, { classes }: Model): number[] {
  if (!(Array.isArray(values) || types.isFloat32Array(values) || types.isFloat64Array(values)))
    throw invalid(name, 'a list of numbers', values)
  if (values.length !== classes)
    throw invalid(name, `${classes} numbers, one for each output of the network`, values)
  return Array.from(values, (value, i) => requireNumber(`${name}[${i}]`, value))
}

function outputTarget(
  name: string,
  { output, towards = 'prediction' }: OutputTarget,
  model: Model,
): Partial<NativeTarget> {
  const index = outputIndex(`${name}.output`, output, model)
  if (towards === 'prediction' || towards === 'away') return { kind: towards, index }
  if (typeof towards === 'number')
    return { kind: 'value', index, value: requireNumber(`${name}.towards`, towards) }
  if (towards !== 'up' && towards !== 'down')
    throw invalid(`${name}.towards`, "'prediction', 'up', 'down', 'away' or a number", towards)
  const weights = Array.from({ length: model.classes }, (_, i) =>
    i === index ? (towards === 'up' ? 1 : -1) : 0,
  )
  return { kind: 'weighting', weights }
}
