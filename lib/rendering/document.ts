import { createHash } from 'node:crypto'
import { invalid } from '../foundation/validate.js'
import { pageStyle } from './page-style.js'
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
<style>${pageStyle}${style}</style>
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
