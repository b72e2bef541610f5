import type { Described } from '../../lib/attribution/described-options.js'
import type { MethodDescription, OptionDescription } from '../../lib/index.js'
import { resources } from '../../lib/learned/resources.js'
import type { ResourceName } from '../../lib/native/attribution-calls.js'
import { simplest } from './tables.js'

const preamble = `// Written by scripts/describe-methods.ts from what the methods say of themselves; \`npm run describe\` writes it anew.
import type { Model } from '../model/model.js'
import type { Attributer } from './attribution.js'
`

/** The TypeScript source of the methods' names and of the types of their options. */
export function optionTypes(methods: readonly MethodDescription[]): string {
  const common = simplest(methods)
  const names = new Set(common.options.map(({ name }) => name))
  const used = methods.flatMap(({ needs, takes }) => [...needs, ...takes])
  const imports = Object.entries(resources)
    .filter(([name]) => used.some(need => need === name))
    .map(([name, { type }]) => `import type { ${type.name} } from '../learned/${moduleOf(name)}.js'`)
  const interfaces = methods
    .filter(method => !isPlain(method, names))
    .map(method => optionInterface(method, names))
  if (methods.some(({ options }) => options.some(({ form }) => form === 'images')))
    imports.unshift(`import type { ImageInput } from '../images/source.js'`)
  return `${preamble}${imports.join('\n')}

/** The names of all methods, in the order they are shown to users. */
export const methodNames = [${methods.map(({ name }) => `'${name}'`).join(', ')}] as const

/** The name of a method. */
export type MethodName = (typeof methodNames)[number]

/** What can be set for nearly every method. */
export interface MethodOptions {
${members(common.options)}
}

${interfaces.join('\n\n')}

/** The methods by name: each makes an attributer for a model. */
export interface Methods {
${methods.map(method => methodLine(method, names)).join('\n')}
}
`
}

/** The TypeScript source of the type of a training's options. */
export function trainingTypes({ options }: Described): string {
  return `// Written by scripts/describe-methods.ts from what the training says of itself; \`npm run describe\` writes it anew.
/** What can be set for the training of a readout. */
export interface TrainingOptions {
${members(options)}
}
`
}

function isPlain({ needs, takes, options }: MethodDescription, common: ReadonlySet<string>): boolean {
  return needs.length === 0 && takes.length === 0 && options.every(({ name }) => common.has(name))
}

function optionInterface(method: MethodDescription, common: ReadonlySet<string>): string {
  const { name, needs, takes, options } = method
  const extendsCommon = [...common].every(option => options.some(({ name }) => name === option))
  const own = extendsCommon ? options.filter(({ name }) => !common.has(name)) : options
  return `/** The options of \`${name}\`. */
export interface ${interfaceName(name)}${extendsCommon ? ' extends MethodOptions' : ''} {
${[...needs.map(resourceMember), ...takes.map(takenMember), ...own.map(member)].join('\n')}
}`
}

function methodLine(method: MethodDescription, common: ReadonlySet<string>): string {
  const { name, summary, source, needs } = method
  const options = isPlain(method, common) ? 'MethodOptions' : interfaceName(name)
  const optional = needs.length > 0 ? '' : '?'
  return `  /** ${sentence(summary)} ${source}. */\n  readonly '${name}': (model: Model, options${optional}: ${options}) => Attributer`
}

function members(options: readonly OptionDescription[]): string {
  return options.map(member).join('\n')
}

const resourceText =
  'Of this model, or the path of its file, which is read when the first image is explained.'

function resourceMember(name: ResourceName): string {
  const { type } = resources[name]
  return `  /** ${resourceText} */\n  ${name}: ${type.name} | string`
}

function takenMember(name: ResourceName): string {
  const { type, use } = resources[name]
  return `  /** ${sentence(use!)} ${resourceText} */\n  ${name}?: ${type.name} | string`
}

function member(option: OptionDescription): string {
  return `  /** ${sentence(option.summary)}${defaultText(option)} */\n  ${option.name}?: ${typeOf(option)}`
}

function typeOf({ form, choices = [] }: OptionDescription): string {
  switch (form) {
    case 'number':
    case 'whole':
      return 'number'
    case 'flag':
      return 'boolean'
    case 'text':
      return 'string'
    case 'numbers':
      return 'readonly number[]'
    case 'choice':
      return union(choices)
    case 'array':
      return union(choices, 'Float32Array', `\`\${string}.npy\``)
    case 'images':
      return 'string | readonly ImageInput[]'
  }
}

function union(choices: readonly string[], ...types: readonly string[]): string {
  return [...choices.map(choice => `'${choice}'`), ...types].join(' | ')
}

function defaultText({ name, defaults: { iba, paper } }: OptionDescription): string {
  if (iba === null) return ''
  const inPaper = iba === paper || name === 'preset' ? '' : `, in \`paper\` ${String(paper)}`
  return ` Default ${String(iba)}${inPaper}.`
}

/** 'grad-cam' is GradCamOptions. */
function interfaceName(method: string): string {
  const words = method.split('-').map(word => word[0]!.toUpperCase() + word.slice(1))
  return `${words.join('')}Options`
}

function moduleOf(resource: string): string {
  return resource === 'readout' ? 'trained-readout' : resource
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}
