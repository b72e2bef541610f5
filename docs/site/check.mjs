// Checks the built site, or that in another folder: every link leads to a page and a place that are there, and no page asks
// another server for anything.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const site = process.argv[2] ?? fileURLToPath(new URL('../../site/', import.meta.url))
const base = process.env.SITE_BASE ?? '/'

const files = readdirSync(site, { recursive: true, encoding: 'utf8' })
const pages = new Map(
  files.filter(name => name.endsWith('.html')).map(name => [name, readFileSync(join(site, name), 'utf8')]),
)
const problems = [...pages].flatMap(([name, text]) => [...deadLinks(name, text), ...requests(name, text)])
problems.push(
  ...files
    .filter(name => name.endsWith('.css'))
    .flatMap(name => requests(name, readFileSync(join(site, name), 'utf8'))),
)
for (const problem of problems) console.error(problem)
console.log(`${pages.size} pages, ${problems.length} problems`)
process.exitCode = problems.length > 0 || pages.size === 0 ? 1 : 0

/** @param {string} page
 * @param {string} text */
function deadLinks(page, text) {
  return attributes(text, /<(?:a|link|script|img|source)\b[^>]*?\s(?:href|src)="([^"]*)"/g).flatMap(
    address => {
      if (/^([a-z]+:|\/\/)/i.test(address)) return []
      const [path = '', anchor = ''] = decodeURIComponent(address).split('#')
      const file = fileOf(page, path)
      if (file === null) return [`${page}: ${address} leads nowhere`]
      const target = pages.get(file)
      const isThere = anchor === '' || target === undefined || target.includes(`id="${anchor}"`)
      return isThere ? [] : [`${page}: ${address} names a place that isn't there`]
    },
  )
}

/** What a browser would fetch from elsewhere when it shows the file; links that a reader follows are none.
 * @param {string} name
 * @param {string} text */
function requests(name, text) {
  return [
    ...attributes(text, /<(?:script|img|source|iframe|video)\b[^>]*?\ssrc="([^"]*)"/g),
    ...attributes(text, /<link\b[^>]*?\shref="([^"]*)"/g),
    ...attributes(text, /(?:url\(|@import )["']?([^"')]*)/g),
  ]
    .filter(address => /^(https?:)?\/\//i.test(address))
    .map(address => `${name}: asks ${address}`)
}

/** @param {string} text
 * @param {RegExp} pattern */
function attributes(text, pattern) {
  return [...text.matchAll(pattern)].map(([, value = '']) => value.replaceAll('&amp;', '&'))
}

/** The file of the site that an address of a page means, or null.
 * @param {string} page
 * @param {string} path
 * @returns {string | null} */
function fileOf(page, path) {
  if (path === '') return page
  if (path.startsWith('/') && !path.startsWith(base)) return null
  const place = path.startsWith('/')
    ? join(site, path.slice(base.length))
    : resolve(site, dirname(page), path)
  const choices = [place, `${place}.html`, join(place, 'index.html')]
  const found = choices.find(choice => existsSync(choice) && statSync(choice).isFile())
  return found === undefined ? null : relative(site, found)
}
