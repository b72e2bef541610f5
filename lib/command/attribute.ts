import { mkdir, stat } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { fileError } from '../files.js'
import { architectures, demo, demoClassNames, loadStatistics, type Model, presets } from '../index.js'
import { UsageError } from './exit.js'
import { type AttributeCommandOptions, explainAll } from './explain.js'
import { Interrupts } from './interrupt.js'
import { planJobs } from './jobs.js'
import {
  addGeneralOptions,
  addModelOptions,
  addPreprocessingOptions,
  decimal,
  type ModelOptions,
  openModel,
  positive,
  requireLayer,
  requireModelOptions,
  wholeNumber,
} from './options.js'
import { count, note, shellWord } from './output.js'

const examples = `
Examples:
  Try it out with the network that comes with the package:
    iba attribute photos/ --model demo

  ResNet-50 with ImageNet weights, once its statistics are made:
    iba weights get resnet50
    iba estimate --model resnet50 --images imagenet/train --out resnet50-layer2.safetensors
    iba attribute cat.jpg --model resnet50 --statistics resnet50-layer2.safetensors

  Explain another class than the predicted one, and show how the map comes about:
    iba attribute cat.jpg --model resnet50 --statistics resnet50-layer2.safetensors --target 207 --animate

  Results for a program:
    iba attribute photos/ --model demo --json | jq '{input, target, bits}'`

/** Adds `iba attribute`. */
export function addAttribute(program: Command): void {
  const command = program
    .command('attribute')
    .summary('show which regions of images a network used, in bits')
    .description(
      'Shows which regions of images a network used for a class, and how many bits they carried, with the ' +
        'per-sample information bottleneck (Schulz et al. 2020). For each image it writes <name>.npy, the map ' +
        '(float32, height × width, bits per pixel), and <name>.png, the map drawn over the image.',
    )
    .argument(
      '<input...>',
      'image files, folders of images, or .npy files of prepared images, (3,H,W) or (N,3,H,W)',
    )
  addModelOptions(command)
  addBottleneckOptions(command)
  command
    .optionsGroup('What is explained:')
    .option(
      '--target <class>',
      'index of the class to explain (default: the predicted class)',
      wholeNumber(0),
    )
    .option('--seed <number>', "seeds each image's noise", wholeNumber(0), 0)
  addPreprocessingOptions(command)
  addOutputOptions(command)
  addGeneralOptions(command)
  command.addHelpText('after', examples).action(attribute)
}

function addBottleneckOptions(command: Command): void {
  command
    .optionsGroup('Bottleneck:')
    .option('--layer <name>', 'where it goes (`iba layers` lists the places; default: as in the paper)')
    .option(
      '--statistics <file>',
      "statistics of that layer, from `iba estimate`; 'demo': the demo network's",
    )
    .addOption(
      new Option('--preset <name>', "conventions of the authors' library or of the paper's code").choices(
        presets,
      ),
    )
    .option('--beta <number>', 'the price of information: higher shows less (default: 10)', decimal(0))
    .option('--steps <number>', 'optimisation steps (default: 10)', wholeNumber(1, 100_000))
    .option(
      '--copies <number>',
      'noise copies of each image in each step (default: 10)',
      wholeNumber(1, 10_000),
    )
    .option('--lr <number>', 'learning rate of Adam (default: 1)', decimal(0))
    .option('--sigma <number>', 'smoothing of the mask in neurons, 0 for none (default: 1)', decimal(0, 1000))
    .option('--min-std <number>', 'floor of the deviation in the iba preset (default: 0.01)', positive)
    .option(
      '--batch <number>',
      'images that are explained together at most (default: 1, on CUDA 16)',
      wholeNumber(1, 1024),
    )
}

function addOutputOptions(command: Command): void {
  command
    .optionsGroup('Results:')
    .option('--out <folder>', 'where they go', 'iba-output')
    .option('--no-image', 'write no <name>.png')
    .addOption(
      new Option(
        '--animate [format]',
        'also write <name>.gif (or .webp), the map after each step; gif or webp',
      )
        .choices(['gif', 'webp'])
        .preset('gif'),
    )
    .option('--save-capacity', 'also write <name>.capacity.npy, nats per neuron of the layer, (C,h,w)')
    .option('--skip-existing', 'leave out images whose results are there: goes on after an interruption')
    .option('--json', 'print one line of JSON for each image, for programs')
}

async function attribute(inputs: string[], options: AttributeCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  await requireFolder(options.out)
  const statisticsFile = chosenStatistics(options)
  const { jobs, amongResults } = await planJobs(inputs, options.out, options.animate ?? 'gif')
  if (amongResults > 0)
    note(`Left out ${count(amongResults, 'image')} below ${options.out}, where the results go.`)

  await using model = await openModel(options)
  requireLayer(model, options.layer)
  requireTarget(model, options.target)
  await using statistics = await loadStatistics(statisticsFile)
  await mkdir(options.out, { recursive: true }).catch(error => {
    throw fileError(`Can't make the folder '${options.out}'`, error)
  })
  const wanted = {
    picture: options.image,
    animation: options.animate,
    capacity: options.saveCapacity ?? false,
  }
  const classNames = usesDemoNetwork(options) ? await demoClassNames() : []
  await explainAll({ jobs, model, statistics, classNames, wanted, options }, interrupts.signal)
}

function usesDemoNetwork({ model, weights }: ModelOptions): boolean {
  return model === 'demo' && weights === undefined
}

/** Checked before anything slow. */
function chosenStatistics(options: AttributeCommandOptions): string {
  if (options.statistics !== undefined) return options.statistics
  if (usesDemoNetwork(options)) return 'demo'
  const { model, layer } = options
  const architecture = model === 'demo' ? demo.architecture : model
  const chosenLayer =
    layer ?? architectures().find(({ name }) => name === architecture)?.bottleneckLayer ?? 'LAYER'
  const file = `${model}-${chosenLayer}.safetensors`
  throw new UsageError(
    `${model} needs statistics of its layer ${chosenLayer}. Make them once, from a folder of typical images ` +
      `(10,000 are best):\n\n  ${estimateCommand(options, chosenLayer, file)}\n\n` +
      `then add --statistics ${shellWord(file)} to this command.`,
  )
}

function estimateCommand(options: AttributeCommandOptions, layer: string, file: string): string {
  const { model, weights, device, preset, resize, crop, cropFirst } = options
  const words = ['iba', 'estimate', '--model', model]
  if (weights !== undefined) words.push('--weights', weights)
  words.push('--layers', layer, '--images', 'FOLDER')
  if (preset !== undefined) words.push('--preset', preset)
  if (resize !== undefined) words.push('--resize', String(resize))
  if (crop !== undefined) words.push('--crop', String(crop))
  if (cropFirst) words.push('--crop-first')
  if (device !== 'auto') words.push('--device', device)
  return [...words, '--out', file].map(shellWord).join(' ')
}

async function requireFolder(out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined)
  if (found && !found.isDirectory()) throw new UsageError(`--out '${out}' is a file. Expected a folder.`)
}

function requireTarget(model: Model, target: number | undefined): void {
  if (target === undefined || target < model.classes) return
  throw new UsageError(
    `--target ${target}: the network has ${model.classes} classes, 0 to ${model.classes - 1}.`,
  )
}
