import type { Command } from 'commander'
import { type ImageSize, sides } from '../images/size.js'
import { isModelFile } from '../model/model-file.js'
import { addJsonOption, imageSize, openModel, outputNameOption, requireModel } from './common-options.js'
import { note, printJson, printTable } from './output.js'

interface LayersCommandOptions {
  weights?: string
  outputName?: string
  crop?: ImageSize
  json?: boolean
}

const examples = `
Examples:
  iba layers resnet50
  iba layers ./mine.pt
  iba layers vgg16 --json | jq '.[] | select(.kind == "relu") | .name'`

/** Adds `iba layers`. */
export function addLayers(program: Command): void {
  const command = program
    .command('layers')
    .summary('list the places in a network where a bottleneck can go')
    .description(
      'Lists the layers of a network in execution order, with the shapes of what they give for one image.',
    )
    .argument('<model>', "the network (`iba models` lists them), 'demo', or a model file")
    .option('-w, --weights <file>', 'a weight file, if its shapes differ from the usual ones')
    .addOption(outputNameOption())
    .option(
      '--crop <pixels>',
      'width and height of the image, or HEIGHTxWIDTH (default: 224, or what the model file was made for)',
      imageSize,
    )
  addJsonOption(command).addHelpText('after', examples).action(listLayers)
}

async function listLayers(
  name: string,
  { weights, outputName, crop, json }: LayersCommandOptions,
): Promise<void> {
  requireModel(name)
  // Only shapes matter, so any weights do; the demo network brings its own, narrower ones.
  const chosen = weights ?? (name === 'demo' || isModelFile(name) ? undefined : 'seeded:0')
  await using model = await openModel({
    model: name,
    device: 'cpu',
    precision: 'float32',
    ...(chosen !== undefined && { weights: chosen }),
    ...(outputName !== undefined && { outputName }),
    // Only a file may depend on the size as it is loaded.
    ...(crop !== undefined && isModelFile(name) && { crop, resize: crop }),
  })
  const [height, width] = sides(crop ?? (isModelFile(name) ? model.preprocessing.crop : 224))
  const layers = await (model.inputKind === 'tokens' ? model.layers() : model.layers({ width, height }))
  if (json) return printJson(layers)
  const rows = layers.map(({ name, kind, shape, isDefault }) => [
    name,
    kind,
    shape.join('×'),
    isDefault ? '← default' : '',
  ])
  printTable(['layer', 'kind', 'output', ''], rows)
  note(`The bottleneck goes after ${model.bottleneckLayer} by default.`)
}
