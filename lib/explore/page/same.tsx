import { useState } from 'preact/hooks'
import type { Server } from './api.js'
import { useCopied } from './images.js'
import { type Chosen, commandOf, optionsOf, queryOf } from './settings.js'

export interface SameProps {
  server: Server
  /** What is shown: a map, and the one that it is compared with. */
  maps: readonly ShownMap[]
  image: string
}

/** How a map is made, and of which class; the predicted one where it is undefined. */
export interface ShownMap {
  chosen: Chosen
  target: number | undefined
}

const forms = ['Command', 'TypeScript', 'HTTP', 'Link'] as const

/** How the same maps are made elsewhere. */
export function Same({ server, maps, image }: SameProps) {
  const [form, setForm] = useState<(typeof forms)[number]>('Command')
  const [isCopied, copy] = useCopied()
  const text =
    form === 'Link' ? location.href : maps.map(map => textOf(form, map, image, server)).join('\n\n')
  return (
    <>
      <fieldset class="segments">
        <legend class="hidden">In which form</legend>
        {forms.map(name => (
          <label key={name}>
            <input type="radio" name="form" checked={name === form} onChange={() => setForm(name)} />
            <span>{name}</span>
          </label>
        ))}
      </fieldset>
      <pre>{text}</pre>
      <p class="actions">
        <button type="button" onClick={() => copy(text)}>
          {isCopied ? 'Copied' : 'Copy'}
        </button>
        {form === 'Link' && (
          <span class="note">It holds the settings; an image of yours has to be dropped again.</span>
        )}
      </p>
    </>
  )
}

function textOf(
  form: Exclude<(typeof forms)[number], 'Link'>,
  { chosen, target }: ShownMap,
  image: string,
  server: Server,
): string {
  switch (form) {
    case 'Command':
      return commandOf(chosen, target, image, server)
    case 'TypeScript':
      return programOf(chosen, target, image, server)
    case 'HTTP': {
      const url = new URL('../v1/attribute', location.href.split('#', 1)[0])
      url.search = String(new URLSearchParams(queryOf(chosen, target)))
      return `curl --data-binary '@${image}' '${url}'`
    }
  }
}

/** A program for the package. */
function programOf(
  { model, method, options }: Chosen,
  target: number | undefined,
  image: string,
  server: Server,
): string {
  const needs = server.methods.find(({ name }) => name === method)?.needs ?? []
  const given = [
    ...needs.map(name => `${name}: '${model === 'demo' ? 'demo' : `${name}.safetensors`}'`),
    ...optionsOf(server, method).flatMap(({ name, form }) => {
      const text = options[name]
      if (text === undefined) return []
      if (form === 'numbers') return [`${name}: [${text}]`]
      return [`${name}: ${form === 'choice' || form === 'text' || form === 'array' ? `'${text}'` : text}`]
    }),
  ]
  const last = target === undefined ? '' : `, { targets: ${target} }`
  return `import { createAttributer, loadModel } from 'attribution-bottleneck'

const model = await loadModel('${model}')
const attributer = createAttributer(model, '${method}', {${given.length > 0 ? ` ${given.join(', ')} ` : ''}})
const [result] = await attributer.attribute('${image.replaceAll("'", "\\'")}'${last})
console.log(result.className, result.map)`
}
