import type { MethodDescription, OptionDescription } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import type { NativeMethod, NativeOptionSpec } from '../../lib/native/attribution-calls.js'

/** What the native registry says of its methods. */
export function registeredMethods(): MethodDescription[] {
  return addon()
    .methods()
    .map(method => ({
      ...method,
      options: [...method.options.map(describeOption), batchOption(method.batch)],
    }))
}

/** The TypeScript source that holds it, so that a method can be described without loading LibTorch. */
export function registrySource(methods: readonly MethodDescription[]): string {
  return `// Written by scripts/describe-methods.ts from the native registry; \`npm run describe\` writes it anew.
import type { MethodDescription } from './described-options.js'

/** All methods, in the order they are shown to users. */
export const methodDescriptions: readonly MethodDescription[] = [
${methods.map(methodSource).join('\n')}
]
`
}

/** One line for an option, so that a method is seen at a glance. */
function methodSource({ options, ...method }: MethodDescription): string {
  const fields = Object.entries(method).map(([name, value]) => `    ${name}: ${JSON.stringify(value)},`)
  return `  {
${fields.join('\n')}
    options: [
${options.map(option => `      ${JSON.stringify(option)},`).join('\n')}
    ],
  },`
}
function batchOption({ cpu, cuda }: NativeMethod['batch']): OptionDescription {
  const standard = cpu === cuda ? cpu : null
  const told = standard === null ? ` (default: ${cpu}, on CUDA ${cuda})` : ''
  return {
    name: 'batch',
    summary: `images that are explained together at most${told}`,
    form: 'whole',
    defaults: { iba: standard, paper: standard },
    minimum: 1,
    maximum: 1024,
  }
}

function describeOption(spec: NativeOptionSpec): OptionDescription {
  const { name, summary, form, standard, paper, minimum, maximum, choices } = spec
  const isNumber = form === 'number' || form === 'whole' || form === 'numbers' || form === 'array'
  return {
    name,
    summary,
    form,
    defaults: { iba: standard, paper },
    ...(isNumber && minimum > -Number.MAX_VALUE && { minimum }),
    ...(isNumber && maximum < Number.MAX_VALUE && { maximum }),
    ...(choices.length > 0 && { choices }),
  }
}
