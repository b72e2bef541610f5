import { stat } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { attributerOf, type ChosenMethod } from '../attribution/methods.js'
import { count } from '../foundation/text.js'
import { describeMethod, type Model } from '../index.js'
import { addAttributeMerge } from './attribute-merge.js'
import { explainShards, namesShards, type ShardWork, shardPaths } from './attribute-shards.js'
import { addMethodOptions, chosenMethod } from './chosen-method.js'
import { chosenTarget, targetOption } from './chosen-target.js'
import { chosenTexts, requireInputs } from './chosen-texts.js'
import {
  addGeneralOptions,
  addModelOptions,
  addPreprocessingOptions,
  classesOption,
  openModel,
  requireLayer,
  requireModelOptions,
  wholeNumber,
} from './common-options.js'
import { UsageError } from './exit.js'
import { type AttributeCommandOptions, explainAll } from './explain.js'
import { Interrupts } from './interrupt.js'
import { planJobs, textJobs } from './jobs.js'
import { requireLearning, statisticsImagesOption, withLearntStatistics } from './learnt-statistics.js'
import { note } from './output.js'
import type { WantedFiles } from './results.js'
import { requireWritableFolder } from './writable.js'

const examples = `
Examples:
  Try it out with the network that comes with the package:
    iba attribute photos/ --model demo

  A network that was trained on photographs, and comes with rough statistics:
    iba weights get efficientnet-lite0
    iba attribute cat.jpg --model efficientnet-lite0

  ResNet-50 with ImageNet weights, once its statistics are made:
    iba weights get resnet50
    iba estimate --model resnet50 --images imagenet/train --out resnet50-layer2.safetensors
    iba attribute cat.jpg --model resnet50 --statistics resnet50-layer2.safetensors

  Explain another class than the predicted one, and show how the map comes about:
    iba attribute cat.jpg --model resnet50 --statistics resnet50-layer2.safetensors --target 207 --animate

  Another method, with its options:
    iba attribute cat.jpg --model resnet50 --method smoothgrad --set samples=25 --raw

  Which words of a text a text tower of CLIP uses, for the features of an image:
    iba attribute --tokens ids.json --token-texts words.json --model text.pt2 --output-kind embedding --method m2ib --target embedding:image.npy

  Results for a program:
    iba attribute photos/ --model demo --json | jq '{input, target, bits}'`

/** Adds `iba attribute`. */
export function addAttribute(program: Command): void {
  const command = program
    .command('attribute')
    .summary('show which regions of images a network used')
    .description(
      'Shows which regions of images a network used for a class, and how many bits they carried, with the ' +
        'per-sample information bottleneck (Schulz et al. 2020), or with another method. For each image it writes ' +
        '<name>.npy, the map (float32, height × width), and <name>.png, the map drawn over the image.',
    )
    .argument(
      '[input...]',
      'image files, folders of images, or .npy files of prepared images, (3,H,W) or (N,3,H,W); or .tar archives of a WebDataset, also ' +
        "as 'photos-{000..099}.tar', split over processes by RANK and WORLD_SIZE",
    )
  addModelOptions(command)
  command
    .optionsGroup('Texts:')
    .option(
      '--tokens <ids>',
      'in place of images, for a model of texts: token ids with commas between them, or a JSON file with a list of them, or one for each text',
    )
    .option(
      '--token-texts <words>',
      'what the tokens stand for, likewise; <name>.html shows these words in place of the ids',
    )
  addMethodOptions(command)
  command.optionsGroup('Method:').addOption(statisticsImagesOption())
  command
    .optionsGroup('What is explained:')
    .addOption(targetOption())
    .addOption(classesOption())
    .option('--seed <number>', "seeds each image's noise", wholeNumber(0), 0)
  addPreprocessingOptions(command)
  addOutputOptions(command)
  addGeneralOptions(command)
  command.addHelpText('after', examples).action(attribute)
  addAttributeMerge(command)
}

function addOutputOptions(command: Command): void {
  command
    .optionsGroup('Results:')
    .option('-o, --out <folder>', 'where they go', 'iba-output')
    .option('--no-image', 'write no <name>.png')
    .addOption(
      new Option(
        '--animate [format]',
        'also write <name>.gif (or .webp), the map after each step; gif or webp; for per-sample',
      )
        .choices(['gif', 'webp'])
        .preset('gif'),
    )
    .option(
      '--save-capacity',
      'also write <name>.capacity.npy, nats per neuron of the layer, (C,h,w); for per-sample and readout',
    )
    .option(
      '--raw',
      'also write <name>.raw.npy, the attribution before it is reduced to the map, (C,h,w); not for the bottlenecks',
    )
    .option('--skip-existing', 'leave out images whose results are there: goes on after an interruption')
    .option('--json', 'print one line of JSON for each image, for programs')
}

async function attribute(inputs: string[], options: AttributeCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  requireModelOptions(options)
  const texts = await chosenTexts(options.tokens, options.tokenTexts)
  requireOneKind(inputs, texts.length, options)
  await requireFolder(options.out)
  requireResults(options)
  const wanted = {
    picture: options.image,
    animation: options.animate,
    capacity: options.saveCapacity ?? false,
    raw: options.raw ?? false,
  }
  const asked = chosenMethod(options, keeping(wanted))
  requireLearning([asked], options)
  const shards = inputs.some(namesShards) ? await shardPaths(inputs) : undefined
  if (shards && options.statistics === 'auto')
    throw new UsageError(
      '--statistics auto: of archives no statistics are learnt. Give --images FOLDER, or a file.',
    )
  const { jobs, amongResults } = await plannedJobs(shards, texts, inputs, options)
  if (amongResults > 0)
    note(`Left out ${count(amongResults, 'image')} below ${options.out}, where the results go.`)

  await using model = await openModel({ ...options, signal: interrupts.signal })
  requireInputs(model, texts)
  requireLayer(model, asked.options.layer)
  const target = await chosenTarget(model, options.target)
  await requireWritableFolder('--out', options.out)
  const { signal } = interrupts
  const explained = new Set(jobs.map(({ text, path }) => text ?? path))
  await using ready = await withLearntStatistics(model, [asked], { explained, flags: options, signal })
  await using attributer = attributerOf(model, ready.methods[0]!)
  const { classNames } = model
  const work = { attributer, target, classNames, wanted, options }
  if (shards)
    await explainShards({ ...work, paths: shards, settings: settingsOf(model, asked, work) }, signal)
  else await explainAll({ ...work, jobs }, signal)
}

/** What is to be done for each image or text; none for shards, whose images are found as they are read. */
async function plannedJobs(
  shards: readonly string[] | undefined,
  texts: Parameters<typeof textJobs>[0],
  inputs: readonly string[],
  { out, animate = 'gif' }: AttributeCommandOptions,
): ReturnType<typeof planJobs> {
  if (shards) return { jobs: [], amongResults: 0 }
  return texts.length > 0
    ? { jobs: textJobs(texts, out), amongResults: 0 }
    : await planJobs(inputs, out, animate)
}

/** What the results of shards depend on. */
function settingsOf(
  { architecture, weightHash, precision, preprocessing }: Model,
  { method, options, batch, resources }: ChosenMethod,
  { target, wanted, options: { seed, images } }: Pick<ShardWork, 'target' | 'wanted' | 'options'>,
) {
  const network = { architecture, weightHash, precision, preprocessing }
  const learnt = { ...resources, ...(images !== undefined && { images }) }
  return {
    network,
    method: method.name,
    options,
    batch: batch ?? null,
    learnt,
    target: target ?? null,
    seed,
    wanted,
  }
}

/** Images or texts, and no animation of the latter. */
function requireOneKind(
  inputs: readonly string[],
  texts: number,
  { animate }: AttributeCommandOptions,
): void {
  if (inputs.length === 0 && texts === 0)
    throw new UsageError('There is nothing to explain. Give image files or folders, or --tokens.')
  if (inputs.length > 0 && texts > 0)
    throw new UsageError('Expected images or --tokens, but received both. Leave one out.')
  if (texts > 0 && animate !== undefined)
    throw new UsageError('--animate: texts are shown on a page, which has no animation. Leave it out.')
}

/** Refuses files that the method has nothing to write into. */
function requireResults(options: AttributeCommandOptions): void {
  const method = describeMethod(options.method)
  const given = {
    '--animate': options.animate,
    '--save-capacity': options.saveCapacity,
    '--raw': options.raw,
  }
  const needed = { '--animate': 'keepSteps', '--save-capacity': 'keepCapacity', '--raw': 'keepRaw' }
  for (const flag of Object.keys(needed) as (keyof typeof needed)[]) {
    if (given[flag] === undefined || method.options.some(({ name }) => name === needed[flag])) continue
    throw new UsageError(
      `${flag}: ${method.name} has no such result. Leave it out, or choose another --method.`,
    )
  }
}

/** The options by which a method gives what is to be written. */
function keeping({ animation, capacity, raw }: WantedFiles) {
  return {
    ...(animation && { keepSteps: true }),
    ...(capacity && { keepCapacity: true }),
    ...(raw && { keepRaw: true }),
  }
}

async function requireFolder(out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined)
  if (found && !found.isDirectory()) throw new UsageError(`--out '${out}' is a file. Expected a folder.`)
}
