import type { Described } from '../../lib/attribution/described-options.js'
import { rangeText } from '../../lib/foundation/validate.js'
import type { MethodDescription, OptionDescription } from '../../lib/index.js'
import { resources } from '../../lib/learned/resources.js'
import type { PlainValue, ResourceName } from '../../lib/native/attribution-calls.js'

/** What every option table has in its first row. */
const heading = ['option', 'default', 'in `paper`', 'accepts', 'meaning']

const required = 'required'

/** The methods, and below them the options that not nearly all of them have. */
export function methodTables(methods: readonly MethodDescription[]): string {
  const common = new Set(simplest(methods).options.map(option => JSON.stringify(option)))
  const isCommon = (option: OptionDescription) => common.has(JSON.stringify(option))
  const rows = methods.map(({ name, summary, source }) => [`\`${name}\``, summary, source])
  const own = methods.flatMap(method =>
    optionRows({ ...method, options: method.options.filter(option => !isCommon(option)) }).map(row => [
      `\`${method.name}\``,
      ...row,
    ]),
  )
  return [
    table(['method', 'what it shows', 'source'], rows),
    '### Options of each method',
    table(['method', ...heading], own),
  ].join('\n\n')
}

/** The options of one method, with what has to or can be given, or of a training. */
export function optionTable(
  described: Described & Partial<Pick<MethodDescription, 'needs' | 'takes'>>,
): string {
  const rows = [heading, ...optionRows({ needs: [], takes: [], ...described })]
  const hasPresets = described.options.some(({ defaults: { iba, paper } }) => iba !== paper)
  const [head, ...body] = hasPresets
    ? rows
    : rows.map(([name, standard, , ...rest]) => [name!, standard!, ...rest])
  return table(head!, body)
}

/** The method whose options nearly all others have too. */
export function simplest(methods: readonly MethodDescription[]): MethodDescription {
  return methods.find(({ name }) => name === 'gradient')!
}

function optionRows({
  needs,
  takes,
  options,
}: Pick<MethodDescription, 'needs' | 'takes' | 'options'>): string[][] {
  return [
    ...needs.map(name => resourceRow(name, required)),
    ...takes.map(name => resourceRow(name, '–')),
    ...options.map(optionRow),
  ]
}

function resourceRow(name: ResourceName, standard: string): string[] {
  const { type, hasDemo, use } = resources[name]
  const told = standard === required ? '' : `${use}; `
  const demo = hasDemo ? "; `'demo'` is the demo network's" : ''
  return [
    `\`${name}\``,
    standard,
    standard,
    `\`${type.name}\`, path`,
    `${told}of this model; a path is read when the first image is explained${demo}`,
  ]
}

function optionRow({
  name,
  defaults,
  form,
  choices,
  minimum = -Infinity,
  maximum = Infinity,
  summary,
}: OptionDescription): string[] {
  const words = choices?.map(choice => `\`${choice}\``) ?? []
  const others = form === 'choice' ? [] : [`${formNames[form] ?? form}${rangeText(minimum, maximum)}`]
  const accepts = [...words, ...others].join(', ')
  return [`\`${name}\``, ...[defaults.iba, defaults.paper].map(valueText), accepts, summary]
}

/** What a form is called where its name doesn't say all that is taken. */
const formNames: Readonly<Partial<Record<OptionDescription['form'], string>>> = {
  array: '`Float32Array` or `.npy` file of numbers',
  images: 'images, or their folder or `.npy` file',
}

function valueText(value: PlainValue | null): string {
  if (value === null) return '–'
  return typeof value === 'object' ? value.join(', ') : String(value)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/** The line above what is written of a method. */
export function sectionBegin(name: string): string {
  return `<!-- ${name}: begin -->`
}

/** The page with the text between its lines `<!-- NAME: begin -->` and `<!-- NAME: end -->` replaced. */
export function withSection(page: string, name: string, text: string): string {
  const [begin, end] = [sectionBegin(name), `<!-- ${name}: end -->`]
  const [before, after] = [page.indexOf(begin) + begin.length, page.indexOf(end)]
  if (after < before) throw new Error(`The page needs the lines '${begin}' and '${end}'.`)
  return `${page.slice(0, before)}\n${text}\n${page.slice(after)}`
}
