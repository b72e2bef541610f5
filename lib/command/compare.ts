import { extname } from 'node:path'
import type { Command } from 'commander'
import { writeFileAtomically } from '../foundation/files.js'
import { count } from '../foundation/text.js'
import { renderComparisonPage } from '../rendering/comparison-page.js'
import { renderSheet } from '../rendering/sheet.js'
import { presetOption, setOption } from './chosen-method.js'
import { addResourceOptions } from './chosen-resources.js'
import { chosenTarget, targetOption } from './chosen-target.js'
import {
  addGeneralOptions,
  addModelOptions,
  addPreprocessingOptions,
  classesOption,
  type ModelOptions,
  nameList,
  openModel,
  type PreprocessingOptions,
  requireModelOptions,
  wholeNumber,
} from './common-options.js'
import { type CompareMethodFlags, chooseMethods } from './compare-methods.js'
import { Comparison, imagePaths } from './comparison.js'
import { IncompleteError, InterruptedError, UsageError } from './exit.js'
import { Interrupts } from './interrupt.js'
import { requireLearning, statisticsImagesOption, withLearntStatistics } from './learnt-statistics.js'
import { note, printTable } from './output.js'
import { isStandardOutput, tellResult, writeOut } from './standard-streams.js'
import { requireWritableFile } from './writable.js'

interface CompareCommandOptions extends ModelOptions, PreprocessingOptions, CompareMethodFlags {
  target?: string
  seed: number
  out: string
  html?: string | true
  images?: string
  json?: boolean
  quiet?: boolean
}

/** The paths that are written. */
interface Files {
  picture: string
  page?: string
}

const examples = `
Examples:
  iba compare photo.jpg --model demo

  Some methods, on several images, as a page for the browser too:
    iba compare photos/ --model resnet50 --methods gradient,grad-cam,occlusion-14 --out sheet.png --html

  An option for one method, and one for all that have it:
    iba compare photo.jpg --model demo --set smoothgrad.samples=20 --set rows=8`

/** Adds `iba compare`. */
export function addCompare(program: Command): void {
  const command = program
    .command('compare')
    .summary('show the maps of several methods side by side')
    .description(
      'Explains images with several methods and draws a contact sheet: each image with its maps, and below each map ' +
        "its method, its seconds and the method's checks. Each map has a scale of its own: from dark to light, or, " +
        'if it has values below 0, blue and red.',
    )
    .argument('<input...>', 'image files, folders of images, or .npy files of prepared images')
  addModelOptions(command)
  command
    .optionsGroup('Methods:')
    .option('--methods <names>', 'with commas between them (default: all that can run)', nameList)
    .addOption(
      setOption("an option of the methods that have it, or of one: 'smoothgrad.samples=20'; repeatable"),
    )
    .addOption(presetOption())
  addResourceOptions(command)
  command.addOption(statisticsImagesOption())
  command
    .optionsGroup('What is explained:')
    .addOption(targetOption())
    .addOption(classesOption())
    .option('--seed <number>', 'seeds what the methods draw', wholeNumber(0), 0)
  addPreprocessingOptions(command)
  command
    .optionsGroup('Results:')
    .option('-o, --out <file>', 'the contact sheet, a .png file', 'comparison.png')
    .option(
      '--html [file]',
      'also write a page for the browser (default: the name of --out, ending in .html)',
    )
    .option('--json', 'print JSON, for programs')
  addGeneralOptions(command)
  command.addHelpText('after', examples).action(compare)
}

async function compare(inputs: string[], options: CompareCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  const { signal } = interrupts
  requireModelOptions(options)
  const files = chosenFiles(options)
  const { methods, leftOut } = chooseMethods(options)
  requireLearning(methods, options)
  if (!isStandardOutput(files.picture)) await requireWritableFile('--out', files.picture)
  if (files.page !== undefined) await requireWritableFile('--html', files.page)
  await using model = await openModel({ ...options, signal })
  const target = await chosenTarget(model, options.target)

  const comparison = new Comparison(model)
  try {
    await comparison.read(inputs, signal)
    const paths = imagePaths(inputs)
    await using ready = await withLearntStatistics(model, methods, {
      explained: paths,
      flags: options,
      signal,
    })
    await comparison.explain(ready.methods, { ...options, target, signal })
  } catch (error) {
    if (!signal.aborted) throw error
    throw new InterruptedError(
      'Interrupted; nothing was written. Take fewer --methods or images to be done sooner.',
    )
  }
  await write(comparison, files)
  tell(comparison, files, options.json ?? false)
  for (const { name, why } of leftOut) note(`iba: ${name} is left out: ${why}`)
  requireComplete(comparison, options)
}

async function write(comparison: Comparison, { picture, page }: Files): Promise<void> {
  const images = comparison.pictures()
  if (page !== undefined)
    await writeFileAtomically(
      page,
      await renderComparisonPage({ title: comparison.title, introduction, images }),
    )
  const sheet = await renderSheet(images)
  await writeOut(picture, '.png', file => writeFileAtomically(file, sheet))
}

const introduction =
  'Each map has a scale of its own: from dark to light, or, if it has values below 0, blue below and red above. ' +
  'Seconds are of the map alone, in a batch of one.'

function tell(comparison: Comparison, files: Files, json: boolean): void {
  const { picture, page } = files
  const inPipe = isStandardOutput(picture)
  if (!json && !inPipe) printTable(['method', 'unit', 'seconds', 'checks'], comparison.table())
  const written = page === undefined ? picture : `${picture} and ${page}`
  const value = { files, images: comparison.records() }
  tellResult({ out: picture, json }, `${written}: ${comparison.title}`, value)
}

function requireComplete(
  { failedImages, failedMethods }: Comparison,
  { methods }: CompareCommandOptions,
): void {
  // Of all methods some can't run on some networks; those that were asked for should.
  const parts = [
    ...(failedImages > 0 ? [count(failedImages, 'image')] : []),
    ...(failedMethods > 0 && methods !== undefined ? [count(failedMethods, 'method')] : []),
  ]
  if (parts.length > 0) throw new IncompleteError(`${parts.join(' and ')} failed; the rest is there.`)
}

function chosenFiles({ out, html }: CompareCommandOptions): Files {
  if (!isStandardOutput(out) && extname(out) !== '.png')
    throw new UsageError(`--out '${out}' must end in .png.`)
  if (html === undefined) return { picture: out }
  if (html === true && isStandardOutput(out))
    throw new UsageError('--html: give the name of the page as well.')
  const page = html === true ? out.replace(/\.png$/, '.html') : html
  if (extname(page) !== '.html') throw new UsageError(`--html '${page}' must end in .html.`)
  return { picture: out, page }
}
