// Writes the tables of docs/methods.md from what the methods say of themselves.
import { readFile } from 'node:fs/promises'
import { argv } from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { writeFileAtomically } from '../lib/foundation/files.js'
import {
  describeMethods,
  type MethodDescription,
  type OptionDescription,
  type OptionValue,
} from '../lib/index.js'

const [begin, end] = ['<!-- tables: begin -->', '<!-- tables: end -->']
export const methodsPage = fileURLToPath(new URL('../../docs/methods.md', import.meta.url))

/** The page with its tables as they should be. */
export function withTables(page: string): string {
  const [before, after] = [page.indexOf(begin) + begin.length, page.indexOf(end)]
  if (after < before) throw new Error(`docs/methods.md needs the lines '${begin}' and '${end}'.`)
  return `${page.slice(0, before)}\n${tables(describeMethods())}\n${page.slice(after)}`
}

function tables(methods: readonly MethodDescription[]): string {
  const common = commonOptions(methods)
  const rows = methods.map(({ name, summary, source }) => [`\`${name}\``, summary, source])
  const own = methods.flatMap(({ name, options }) =>
    options
      .filter(option => !common.includes(option.name) || name === 'per-sample')
      .map(option => [`\`${name}\``, ...optionCells(option)]),
  )
  const heading = ['option', 'default', 'in `paper`', 'accepts', 'meaning']
  return [
    table(['method', 'what it shows', 'source'], rows),
    '### Options of each method',
    table(['method', ...heading], own),
  ].join('\n\n')
}

/** The options that all methods of the registry have. */
function commonOptions(methods: readonly MethodDescription[]): string[] {
  const registered = methods.filter(({ name }) => name !== 'per-sample')
  const names = registered[0]!.options.map(({ name }) => name)
  return names.filter(name => registered.every(({ options }) => options.some(option => option.name === name)))
}

function optionCells({
  name,
  defaults,
  form,
  choices,
  minimum,
  maximum,
  summary,
  required,
}: OptionDescription): string[] {
  const isBounded = minimum !== undefined || maximum !== undefined
  const least = minimum === Number.MIN_VALUE ? 'above 0' : `${minimum ?? ''}…${maximum ?? ''}`
  const range = isBounded ? `, ${least}` : ''
  const accepts = choices ? choices.map(choice => `\`${choice}\``).join(', ') : `${form}${range}`
  const texts = [defaults.iba, defaults.paper].map(value => (required ? 'required' : valueText(value)))
  return [`\`${name}\``, ...texts, accepts, summary]
}

function valueText(value: OptionValue | null): string {
  if (value === null) return '–'
  return typeof value === 'object' ? value.join(', ') : String(value)
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(heading), `|${'---|'.repeat(heading.length)}`, ...rows.map(line)].join('\n')
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  await writeFileAtomically(methodsPage, withTables(await readFile(methodsPage, 'utf8')))
}
