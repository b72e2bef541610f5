import { createHash } from 'node:crypto'
import { invalid } from '../foundation/validate.js'
import { escapeXml } from './svg.js'

/** What a page consists of. `main` is HTML, `style` CSS on top of that of all pages, `script` the only one that may run. */
export interface HtmlDocument {
  title: string
  introduction: string
  main: string
  style: string
  footer: string | undefined
  script?: string
}

/** A page that holds everything it shows: nothing from elsewhere, and no scripts but its own. Light or dark as the reader's system is, and
 * readable on a phone. */
export function htmlDocument({ title, introduction, main, style, footer, script }: HtmlDocument): string {
  const scripts = script === undefined ? '' : `; script-src '${hashOf(script)}'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'${scripts}">
<meta name="color-scheme" content="light dark">
<title>${escapeXml(title)}</title>
<style>${commonStyle}${style}</style>
</head>
<body>
<header>
<h1>${escapeXml(title)}</h1>
<p>${escapeXml(introduction)}</p>
</header>
<main>
${main}
</main>
${footer === undefined ? '' : `<footer>${escapeXml(footer)}</footer>\n`}${script === undefined ? '' : `<script>${script}</script>\n`}</body>
</html>
`
}

/** An image element that holds its PNG, JPEG, GIF or WebP file.
 * @throws {InvalidArgumentError} the file is of another format */
export function embeddedPicture(bytes: Uint8Array, description: string, className: string): string {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
  return `<img class="${className}" alt="${escapeXml(description)}" src="data:${mediaType(bytes)};base64,${data}">`
}

/** Names the one script that a browser may run. */
function hashOf(script: string): string {
  return `sha256-${createHash('sha256').update(script).digest('base64')}`
}

function mediaType(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  if (start.startsWith('\x89PNG')) return 'image/png'
  if (start.startsWith('\xff\xd8')) return 'image/jpeg'
  if (start.startsWith('GIF8')) return 'image/gif'
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'image/webp'
  throw invalid('picture', 'a PNG, JPEG, GIF or WebP file', bytes)
}

const commonStyle = `
:root { --ground: #f6f6f4; --card: #fff; --ink: #1d1d1f; --soft: #6a6a70; --line: #e3e3e0 }
@media (prefers-color-scheme: dark) {
  :root { --ground: #151517; --card: #202024; --ink: #ececee; --soft: #a0a0a8; --line: #36363c }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; padding: 2rem clamp(.75rem, 3vw, 2rem); max-width: 90rem; background: var(--ground);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif
}
header { max-width: 44rem; margin-bottom: 2rem }
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2 }
header p { margin: 0; color: var(--soft); white-space: pre-line }
article { padding: 1.25rem; border: 1px solid var(--line); border-radius: 12px; background: var(--card); min-width: 0 }
h2 { margin: 0 0 .75rem; font-size: 1.05rem; overflow-wrap: anywhere }
img { display: block; border-radius: 6px }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 1rem 0 0 }
dt { color: var(--soft); font-size: .8rem }
dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
footer { margin-top: 2rem; color: var(--soft); font-size: .875rem; white-space: pre-line }
@media (max-width: 40rem) {
  body { padding-top: 1.25rem }
  article { padding: 1rem }
}
@media print { article { break-inside: avoid } }
`
