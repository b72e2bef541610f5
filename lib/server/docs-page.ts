import {
  acceptedText,
  type MethodDescription,
  type OptionDescription,
} from '../attribution/described-options.js'
import { htmlDocument } from '../rendering/document.js'
import { escapeXml } from '../rendering/svg.js'
import type { OpenApiDocument, Operation, Parameter } from './open-api.js'

/** The routes and the methods as a page that needs nothing from elsewhere. */
export function docsPage(document: OpenApiDocument, methods: readonly MethodDescription[]): string {
  const { info, paths } = document
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([verb, operation]) => route(verb.toUpperCase(), path, operation)),
  )
  return htmlDocument({
    title: `${info.title} ${info.version}`,
    introduction: info.description,
    main: `<section>
<h2>Routes</h2>
<p>For programs: <a href="openapi.json">openapi.json</a></p>
<pre>curl --data-binary @cat.jpg 'http://HOST/v1/attribute?steps=10'
curl --data-binary @cat.jpg -H 'accept: image/png' http://HOST/v1/attribute -o cat-map.png
curl -F image=@cat.jpg -F 'settings={"target":3,"options":{"beta":5}}' http://HOST/v1/attribute</pre>
${routes.join('\n')}
</section>
<section>
<h2>Methods</h2>
${methods.map(methodSection).join('\n')}
</section>`,
    style,
    footer: undefined,
  })
}

function route(verb: string, path: string, { summary, description, parameters = [] }: Operation): string {
  const rows = parameters.map(parameterRow).join('')
  return `<article>
<h3><code>${verb} ${escapeXml(path)}</code></h3>
<p>${escapeXml(summary)}.${description === undefined ? '' : ` ${withCode(description)}`}</p>
${rows === '' ? '' : `<table><tr><th>in the query</th><th>accepts</th><th>meaning</th></tr>${rows}</table>`}
</article>`
}

/** A text in which backticks stand around code. */
function withCode(text: string): string {
  return escapeXml(text).replace(/`([^`]*)`/g, '<code>$1</code>')
}

function parameterRow({ name, description, schema }: Parameter): string {
  const {
    type,
    enum: words,
    items,
  } = schema as { type?: string; enum?: string[]; items?: { enum?: string[] } }
  const accepted = (words ?? items?.enum)?.join(', ') ?? type ?? ''
  return row(name, accepted, description)
}

function methodSection({ name, summary, source, options }: MethodDescription): string {
  const rows = options.map(option =>
    row(option.name, acceptedText(option, inRequests), option.summary, defaultText(option)),
  )
  return `<details id="${name}">
<summary><code>${name}</code> ${escapeXml(summary)}</summary>
<p>${escapeXml(source)}</p>
<table><tr><th>option</th><th>accepts</th><th>meaning</th><th>default</th></tr>${rows.join('')}</table>
</details>`
}

/** Sets of images are the operator's. */
const inRequests = { array: 'in JSON a list of numbers', images: 'images' }

function defaultText({ defaults }: OptionDescription): string {
  return defaults.iba === null ? '' : String(defaults.iba)
}

function row(name: string, ...cells: string[]): string {
  return `<tr><td><code>${escapeXml(name)}</code></td>${cells.map(cell => `<td>${escapeXml(cell)}</td>`).join('')}</tr>`
}

const style = `
section > h2 { margin: 2rem 0 .75rem; font-size: 1.35rem }
article, details { margin-bottom: 1rem }
article p { max-width: 60rem }
h3 { margin: 0 }
section > pre { background: var(--card); border: 1px solid var(--line) }
table { display: block; overflow-x: auto }
th, td { padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line) }
th { color: var(--soft); font-weight: 400 }
summary { cursor: pointer }
`
