import { Option } from 'commander'
import type { Target } from '../attribution/target.js'
import { readNpy } from '../images/npy.js'
import type { Model } from '../model/model.js'
import { UsageError } from './exit.js'

/** `--target`. */
export function targetOption(): Option {
  return new Option(
    '-t, --target <target>',
    'what to explain: index or name of a class, contrast:3,7 (one against others), contrast:3 (against the rest), ' +
      'labels:1,4, output:0, output:0=up, output:0=2.5, embedding:FILE.npy or weights:FILE.npy (default: the predicted class)',
  )
}

/** What `--target` asks for, which the model has to have.
 * @throws UsageError where the model has no such output, or the words mean nothing */
export async function chosenTarget(model: Model, text: string | undefined): Promise<Target | undefined> {
  if (text === undefined) return undefined
  const [, kind, rest] = /^(contrast|labels|output|embedding|weights):(.*)$/s.exec(text) ?? []
  switch (kind) {
    case 'contrast':
      return { contrast: outputsIn(rest!, model) }
    case 'labels':
      return { labels: rest!.trim() === '' ? [] : outputsIn(rest!, model) }
    case 'output':
      return outputIn(rest!, model)
    case 'embedding':
      return { embedding: await numbersIn(rest!) }
    case 'weights':
      return { weights: await numbersIn(rest!) }
    default:
      return outputOf(text, model)
  }
}

function outputOf(text: string, model: Model): number {
  const word = text.trim()
  if (word === '')
    throw new UsageError('--target: expected an index or a name of a class, but there is none.')
  if (!/^[+-]?\d+$/.test(word)) return model.classIndex(word)
  const index = Number(word)
  if (index >= 0 && index < model.classes) return index
  throw new UsageError(
    `--target ${word}: the network has ${model.classes} ${outputWord(model)}, 0 to ${model.classes - 1}.`,
  )
}

function outputWord({ outputKind }: Model): string {
  return outputKind === 'classes' || outputKind === 'labels' ? outputKind : 'outputs'
}

function outputsIn(text: string, model: Model): number[] {
  return text.split(',').map(part => outputOf(part, model))
}

function outputIn(text: string, model: Model): Target {
  const [, name, towards] = /^(.*?)(?:=([^=]*))?$/s.exec(text)!
  const output = outputOf(name!, model)
  if (towards === undefined) return { output }
  if (towards === 'prediction' || towards === 'up' || towards === 'down' || towards === 'away')
    return { output, towards }
  if (towards.trim() !== '' && Number.isFinite(Number(towards))) return { output, towards: Number(towards) }
  throw new UsageError(
    `--target output:${text}: expected prediction, up, down, away or a number behind '=', but received '${towards}'.`,
  )
}

async function numbersIn(path: string): Promise<Float32Array> {
  const { data } = await readNpy(path)
  return data instanceof Float32Array ? data : Float32Array.from(data)
}
