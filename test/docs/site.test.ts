import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import { chromium } from 'playwright-core'
import { root } from '../../scripts/setup/paths.mjs'
import { filesBelow } from '../../scripts/setup/stamp.mjs'
import { documents, examplePages } from '../support/documentation.js'
import { browser as chromiumHere, testNeeding } from '../support/requirements.js'

const found = chromiumHere()
const testWithBrowser = testNeeding(found)
const folder = mkdtempSync(join(tmpdir(), 'iba-site-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

function check(site: string) {
  const words = [join(root, 'docs', 'site', 'check.mjs'), site]
  return spawnSync(process.execPath, words, { encoding: 'utf8' })
}

test('links that lead nowhere, and what other servers are asked for, are found', t => {
  const page = (text: string) => writeFileSync(join(folder, 'index.html'), text)
  page('<h2 id="here">Here</h2> <a href="#here">here</a> <a href="https://example.org">elsewhere</a>')
  t.is(check(folder).status, 0)
  for (const [text, message] of [
    ['<a href="/nothing.html">', /\/nothing\.html leads nowhere/],
    ['<a class="x" href="#there">', /#there names a place that isn't there/],
    ['<img src="./missing.png">', /missing\.png leads nowhere/],
    ['<script src="https://example.org/a.js">', /asks https:\/\/example\.org\/a\.js/],
    ['<style>a { background: url(//example.org/a.png) }</style>', /asks \/\/example\.org\/a\.png/],
  ] as const) {
    page(text)
    const { status, stderr } = check(folder)
    t.is(status, 1, text)
    t.regex(stderr, message)
  }
})

test.serial('the site is built without a connection, with every page and every name', t => {
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'docs'], { cwd: root, encoding: 'utf8' })
  t.is(status, 0, stripVTControlCharacters(stdout + stderr))
  for (const page of [...documents, ...examplePages].filter(page => page !== 'README.md'))
    t.true(existsSync(join(root, 'site', page.replace('.md', '.html'))), page)
  const names = filesBelow('api-reference').join('\n')
  for (const name of ['perSample', 'Attribution', 'createServer']) t.true(names.includes(`${name}.md`), name)
})

const shown = [
  '/',
  ...['start', 'guides/service', 'methods', 'gallery', 'api'].map(page => `/docs/${page}.html`),
]

/** The built files, as any server of files gives them. */
function serveSite() {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://site').pathname)
    const place = join(root, 'site', path)
    const file = [place, `${place}.html`, join(place, 'index.html')].find(
      each => existsSync(each) && statSync(each).isFile(),
    )
    const type = { js: 'text/javascript', css: 'text/css', html: 'text/html' }[file?.split('.').at(-1) ?? '']
    if (file === undefined) response.writeHead(404).end()
    else response.writeHead(200, type ? { 'content-type': type } : {}).end(readFileSync(file))
  })
  return new Promise<{ url: string; close(): void }>(resolve =>
    server.listen(0, '127.0.0.1', () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      resolve({ url, close: () => server.close() })
    }),
  )
}

testWithBrowser(
  'pages are shown, light and dark, wide and narrow, and ask nothing of other servers',
  async t => {
    const site = await serveSite()
    const browser = await chromium.launch({ executablePath: found.path!, args: ['--no-sandbox'] })
    try {
      for (const [colorScheme, width] of [
        ['light', 1280],
        ['dark', 390],
      ] as const) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } })
        const complaints: string[] = []
        page.on('console', message => complaints.push(message.text()))
        page.on('pageerror', error => complaints.push(String(error)))
        page.on('request', request => {
          if (!/^data:/.test(request.url()) && !request.url().startsWith(site.url))
            complaints.push(request.url())
        })
        for (const path of shown) {
          await page.goto(`${site.url}${path}`, { waitUntil: 'networkidle' })
          t.true((await page.locator('h1').first().innerText()).length > 3, path)
          const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
          t.true(Number(overflow) <= 0, `${path} is ${overflow} pixels wider than a screen of ${width}`)
        }
        t.deepEqual(complaints, [])
        await page.close()
      }
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
      await page.goto(site.url)
      const search = page.getByRole('searchbox')
      // A key is heard once the page's program runs.
      while ((await search.count()) === 0) {
        await page.keyboard.press('Control+k')
        await page.waitForTimeout(200)
      }
      await search.fill('proximal solver')
      await page.locator('.results .result').first().waitFor()
      t.regex(await page.locator('.results .result').first().innerText(), /proximal solver/i)
    } finally {
      await browser.close()
      site.close()
    }
  },
)
