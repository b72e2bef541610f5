import { existsSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError } from '../foundation/errors.js'
import { fileError } from '../foundation/files.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/call.js'
import type { DescribedModel } from './described-model.js'
import { type ModelCard, namingFile, readJson, readModelCard } from './model-card.js'
import { describeTimm, type TimmConfig } from './timm-config.js'
import { describeTransformers, preprocessingOf, type TransformersConfig } from './transformers-config.js'

/** What a folder holds: a model file, or weights of a network of the zoo. */
export interface ModelFolder {
  network: { file: string } | { architecture: string; weights: string }
  card: ModelCard
  notes: string[]
}

const configuration = 'config.json'
const modelFiles = ['model.pt2', 'model.pt', 'model.onnx', 'onnx/model.onnx']
const weightFiles = ['model.safetensors', 'pytorch_model.bin']

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Reads what Hugging Face's transformers or timm wrote beside a model, and finds the model.
 * @throws ModelError where the folder holds none that can be loaded; FileError where it can't be read */
export async function readModelFolder(folder: string): Promise<ModelFolder> {
  const described = await describe(folder)
  const weights = firstOf(folder, weightFiles)
  const network = await networkOf(folder, described, weights)
  if (network === undefined) throw missing(folder, described, weights)
  const own = await readModelCard('file' in network ? network.file : network.weights)
  const preprocessing = { ...described.card.preprocessing, ...own.card.preprocessing }
  const card = { ...described.card, ...own.card, preprocessing }
  return { network, card, notes: [...described.notes, ...own.notes] }
}

async function networkOf(
  folder: string,
  { architecture }: DescribedModel,
  weights: string | undefined,
): Promise<ModelFolder['network'] | undefined> {
  if (architecture !== undefined && weights !== undefined) return { architecture, weights }
  const file = firstOf(folder, modelFiles) ?? (await onlyModelFile(folder))
  if (file !== undefined) return { file }
  // What else a folder is, such as a model of TensorFlow, is told as it is loaded.
  return existsSync(join(folder, configuration)) ? undefined : { file: folder }
}

async function describe(folder: string): Promise<DescribedModel> {
  const path = join(folder, configuration)
  if (!existsSync(path)) return { architecture: undefined, title: 'a model', card: {}, notes: [] }
  const config = await readObject(path)
  if ('pretrained_cfg' in config) return namingFile(path, () => known(describeTimm(config as TimmConfig)))
  const described = namingFile(path, () => known(describeTransformers(config as TransformersConfig)))
  const processorPath = join(folder, 'preprocessor_config.json')
  if (!existsSync(processorPath)) return described
  const processor = await readObject(processorPath)
  const { preprocessing, notes } = namingFile(processorPath, () => preprocessingOf(processor))
  const card = { ...described.card, preprocessing }
  return { ...described, card, notes: [...described.notes, ...notes] }
}

async function readObject(path: string): Promise<object> {
  const content = await readJson(path, "a model's configuration")
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content
  throw new ModelError(`'${path}' holds no object, as a model's configuration does.`)
}

/** Without an architecture that the zoo doesn't have. */
function known(described: DescribedModel): DescribedModel {
  const zoo = callNativeSync(() => addon().architectures())
  const isKnown = zoo.some(({ name }) => name === described.architecture)
  return isKnown ? described : { ...described, architecture: undefined }
}

function firstOf(folder: string, names: readonly string[]): string | undefined {
  return names.map(name => join(folder, name)).find(path => existsSync(path))
}

/** The folder's model file of another name, if it has just one. */
async function onlyModelFile(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(error => {
    throw fileError(`Can't read the folder '${folder}'`, error)
  })
  const found = names.filter(name => /\.(pt2|pt|onnx)$/i.test(name))
  if (found.length > 1) {
    throw new ModelError(
      `'${folder}' holds several models: ${found.sort().join(', ')}. Give the path of one.`,
    )
  }
  return found[0] === undefined ? undefined : join(folder, found[0])
}

function missing(folder: string, { title }: DescribedModel, weights: string | undefined): ModelError {
  const found =
    weights === undefined
      ? `'${folder}' holds no model`
      : `'${folder}' holds the weights of ${title}, which is none of the networks that are built in`
  return new ModelError(
    `${found}. Expected ${modelFiles.join(', ')} in it: \`optimum-cli export onnx --model ${folder} ${folder}\` writes ` +
      'an ONNX file, torch.export.save a .pt2 file.',
  )
}
