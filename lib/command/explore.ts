import { spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { imageFolder } from '../index.js'
import { loadFastify } from '../server/fastify.js'
import type { ModelToServe } from '../server/index.js'
import { isLoopback } from '../server/loopback.js'
import {
  addGeneralOptions,
  addJsonOption,
  addPreprocessingOptions,
  openModel,
  wholeNumber,
} from './common-options.js'
import { Interrupts } from './interrupt.js'
import { note, printJsonLine } from './output.js'
import { aborted, addressOf, listen } from './serve.js'
import { addServedModelOptions, chosenModels, type ServedModelFlags } from './served-models.js'

interface ExploreCommandOptions extends ServedModelFlags {
  host: string
  port: number
  open: boolean
  quiet?: boolean
  json?: boolean
}

/** More would be a list in which nobody finds anything. */
const mostImages = 200

const examples = `
Examples:
  iba explore photos/ --model demo

  Compare two networks:
    iba explore cat.jpg --model resnet50 --model efficientnet-lite0 --statistics resnet50=layer2.safetensors`

/** Adds `iba explore`. */
export function addExplore(program: Command): void {
  const command = program
    .command('explore')
    .summary('look into explanations in the browser')
    .description(
      'Opens a page in the browser on which images are explained: other classes, settings and methods one beside the other, and what the ' +
        'network still recognises in a part. The page is served from this machine alone, and asks nothing of any other.',
    )
    .argument('[image...]', `image files, or folders of images; at most ${mostImages} are listed`)
  addServedModelOptions(command)
  addPreprocessingOptions(command)
  command
    .optionsGroup('Server:')
    .option(
      '--host <address>',
      'where it listens; others reach it where this is not the loopback address',
      '127.0.0.1',
    )
    .option('--port <number>', 'default: any that is free', wholeNumber(0, 65_535), 0)
    .option('--no-open', "don't open the browser, only tell the address")
  addGeneralOptions(command)
  addJsonOption(command).addHelpText('after', examples).action(explore)
}

async function explore(inputs: readonly string[], options: ExploreCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  const { signal } = interrupts
  const chosen = chosenModels(options)
  await loadFastify()
  const images = await imagesOf(
    inputs,
    chosen.some(({ modelOptions }) => modelOptions.model === 'demo'),
  )
  const models: ModelToServe[] = []
  try {
    for (const { name, files, modelOptions } of chosen)
      models.push({ name, model: await openModel({ ...modelOptions, signal }), ...files })
    const { createServer } = await import('../server/index.js')
    const app = await createServer({ models, explore: { images }, logger: { level: 'warn' } })
    await listen(app, options)
    const address = `${addressOf(app)}/explore/`
    if (!isLoopback(options.host)) note(`iba: Whoever reaches ${options.host} can use this page.`)
    note(`iba: ${address} – Ctrl-C ends it.`)
    if (options.json) printJsonLine({ address })
    if (options.open) openInBrowser(address)
    await aborted(signal)
    await app.close()
  } finally {
    for (const { model } of models) model.dispose()
  }
}

/** The files that the page lists. The demo network has its own images where none are named.
 * @throws ImageError a folder is missing or holds no image; FileError a file is missing */
async function imagesOf(inputs: readonly string[], isDemo: boolean): Promise<string[]> {
  const given = inputs.length === 0 && isDemo ? [demoImages] : inputs
  const found: string[] = []
  for (const input of given) {
    if (!(await stat(input)).isDirectory()) found.push(resolve(input))
    else for await (const path of imageFolder(input, { limit: mostImages + 1 })) found.push(resolve(path))
  }
  const paths = [...new Set(found)]
  if (paths.length > mostImages) note(`iba: The page lists the first ${mostImages} images.`)
  return paths.slice(0, mostImages)
}

const demoImages = fileURLToPath(new URL('../../../demo/images', import.meta.url))

/** Where there is no browser to be opened, the address that was told is enough. */
function openInBrowser(address: string): void {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const child = spawn(opener, [address], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}
