import { type Command, InvalidArgumentError as InvalidOption, Option } from 'commander'
import { resourceNames, resources } from '../index.js'
import { isModelFile, modelLabel } from '../model/model-file.js'
import { allResources, type ResourceFlags } from './chosen-resources.js'
import {
  deviceOption,
  type ModelOptions,
  type PreprocessingOptions,
  precisionOption,
  requireGiven,
  requireModelOptions,
} from './common-options.js'
import { UsageError } from './exit.js'

/** A value for one model, by its name, or for the only one. */
interface Assigned {
  name: string | undefined
  value: string
}

type PerModel = 'weights' | 'classes' | 'statistics' | 'patterns' | 'readout'

/** What the options that choose networks to serve give. */
export interface ServedModelFlags
  extends Omit<ModelOptions, 'model' | 'weights' | 'classes'>,
    PreprocessingOptions,
    Partial<Record<PerModel, readonly Assigned[]>> {
  model?: readonly Assigned[]
}

/** A network to serve, and the files of what its methods need. */
export interface ChosenModel {
  name: string
  files: ResourceFlags
  modelOptions: ModelOptions & PreprocessingOptions
}

/** The models with what was given for each, checked before anything is loaded. */
export function chosenModels(options: ServedModelFlags): ChosenModel[] {
  requireGiven(
    '--model',
    options.model,
    "Give the network's name (`iba models` lists them), --model demo, or a file.",
  )
  const names = options.model!.map(nameOf)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new UsageError(`Two models are called '${twice}'. Name one of them, as in --model other=${twice}.`)
  return options.model!.map(({ value }, i) => {
    const name = names[i]!
    const given = Object.fromEntries(
      perModelNames.flatMap(kind => {
        const found = valueFor(name, names, kind, options[kind])
        return found === undefined ? [] : [[kind, found]]
      }),
    ) as Partial<Record<PerModel, string>>
    const { weights, classes, ...files } = given
    const modelOptions = {
      ...commonOptions(options),
      model: value,
      ...(weights !== undefined && { weights }),
      ...(classes !== undefined && { classes }),
    }
    requireModelOptions(modelOptions)
    return { name, files: allResources({ ...modelOptions, ...files }), modelOptions }
  })
}

/** What is said of all models. */
function commonOptions(
  options: ServedModelFlags,
): Omit<ModelOptions, 'model' | 'weights' | 'classes'> & PreprocessingOptions {
  const apart = [...perModelNames, 'model']
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => !apart.includes(name)),
  ) as ServedModelFlags
}

const perModelNames: readonly PerModel[] = ['weights', 'classes', ...resourceNames]

function nameOf({ name, value }: Assigned): string {
  return name ?? (isModelFile(value) ? modelLabel(value) : value)
}

function valueFor(
  name: string,
  names: readonly string[],
  kind: PerModel,
  given: readonly Assigned[] = [],
): string | undefined {
  for (const each of given) {
    if (each.name === undefined && names.length > 1)
      throw new UsageError(
        `--${kind} ${each.value}: of which model? Write --${kind} ${names[0]}=${each.value}.`,
      )
    if (each.name !== undefined && !names.includes(each.name))
      throw new UsageError(`--${kind} ${each.name}=${each.value}: there is no --model '${each.name}'.`)
  }
  const own = given.filter(each => each.name === undefined || each.name === name)
  if (own.length > 1) throw new UsageError(`--${kind} is given twice for ${name}. Leave one out.`)
  return own[0]?.value
}

/** `--model` and what belongs to one, `--device`, `--precision`. */
export function addServedModelOptions(command: Command): void {
  const perModel = (flag: string, what: string) => new Option(flag, `${what}; repeatable`).argParser(assigned)
  command
    .optionsGroup('Networks:')
    .addOption(
      perModel(
        '--model [name=]<model>',
        "required: an architecture (`iba models` lists them), 'demo', a model file, or a folder of Hugging Face's",
      ),
    )
    .addOption(
      perModel('--weights <[model=]file>', 'as for `iba attribute`, of the only model or of the one named'),
    )
  for (const name of resourceNames)
    command.addOption(
      perModel(`${resources[name].flag} <[model=]file>`, `likewise: ${resources[name].meaning}`),
    )
  command
    .addOption(perModel('--classes <[model=]file>', 'likewise: the names of its classes'))
    .addOption(deviceOption())
    .addOption(precisionOption())
    .option('--tf32', "products of float32 numbers in TF32, on NVIDIA's GPUs; less exact")
    .option('--cudnn-benchmark', 'try algorithms for convolutions first, on the same GPUs')
}

function assigned(text: string, before: readonly Assigned[] = []): Assigned[] {
  const [, name, value] = /^(?:([\w.-]+)=)?(.+)$/s.exec(text) ?? []
  if (value === undefined)
    throw new InvalidOption("Expected a file or model, or one with its name: 'birds=birds.pt2'.")
  return [...before, { name, value }]
}
