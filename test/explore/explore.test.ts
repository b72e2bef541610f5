import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { FastifyInstance } from 'fastify'
import { type Browser, type BrowserContextOptions, chromium, type Page, type Request } from 'playwright-core'
import sharp from 'sharp'
import type { Model, Statistics } from '../../lib/index.js'
import { readNpy } from '../../lib/index.js'
import { createServer } from '../../lib/server/index.js'
import { require } from '../../scripts/setup/paths.mjs'
import { browser as chromiumHere, testNeeding } from '../support/requirements.js'
import { classNames, get, picture, post, postJson } from '../support/server.js'
import { smallModel, smallStatistics } from '../support/small-model.js'
import { until } from '../support/until.js'

const trainedReadout = fileURLToPath(
  new URL('../../../test/fixtures/readout/readout_resnet18_B.torch', import.meta.url),
)
const found = chromiumHere()
const testWithBrowser = testNeeding(found)

let folder: string
let app: FastifyInstance
let model: Model
let statistics: Statistics
let browser: Browser | undefined
let url: string

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iba-explore-'))
  const paths = await Promise.all(
    ['first.png', 'second.png'].map(async (name, i) => {
      const path = join(folder, name)
      await writeFile(path, await picture(i))
      return path
    }),
  )
  model = await smallModel({ preprocessing: { resize: 64, crop: 64 } })
  statistics = await smallStatistics(model)
  app = await createServer({
    models: [
      { name: 'small', model, statistics },
      { name: 'other', model },
      { name: 'read', model, statistics, readout: trainedReadout },
    ],
    explore: { images: paths },
    limits: { passes: 100_000 },
    warmUp: false,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(app.addresses()[0] as AddressInfo).port}`
  if (found.path) browser = await chromium.launch({ executablePath: found.path, args: ['--no-sandbox'] })
})

test.after.always(async () => {
  await browser?.close()
  await app.close()
  statistics.dispose()
  model.dispose()
  await rm(folder, { recursive: true, force: true })
})

/** Opens the page. The test fails where the browser complains, or asks another server for something. */
async function withPage(
  t: ExecutionContext,
  fragment: string,
  look: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const context = await browser!.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) complaints.push(request.url())
  })
  try {
    await page.goto(`${url}/explore/${fragment}`)
    await look(page)
    t.deepEqual(complaints, [])
  } finally {
    await context.close()
  }
}

/** Waits until the whole map is there. */
async function explained(page: Page): Promise<void> {
  await page.locator('.saving').waitFor()
}

/** Does what has another image explained, and waits until the whole map is there. */
async function explainedAfter(page: Page, act: () => Promise<unknown>): Promise<void> {
  await Promise.all([page.waitForRequest(request => request.url().includes('/attribute/stream')), act()])
  await explained(page)
}

const linked = '#model=small&method=per-sample&steps=3&copies=2&view-image=first.png'
/** So many steps that they don't end while a test looks, and their maps are told all the same. */
const endless = '#model=small&method=per-sample&steps=1000&copies=100&view-image=first.png'
const fact = (page: Page, label: string) =>
  page.locator('.facts div', { hasText: label }).locator('dd').innerText()
const canvasOf = (page: Page) => page.locator('.stage canvas').first()
const pixelsOf = (page: Page) =>
  page.evaluate("document.querySelector('.stage canvas').toDataURL()") as Promise<string>

testWithBrowser(
  'an image of the list, one that is chosen, one that is dropped and one that is pasted are explained',
  async t => {
    await withPage(t, '#model=small&method=per-sample&steps=2&copies=2', async page => {
      await explainedAfter(page, () => page.getByRole('button', { name: 'second.png' }).click())
      t.regex(await page.locator('.facts h2').innerText(), /^Why class \d\?$/)
      t.regex(await fact(page, 'bits'), /\d/)

      const buffer = await picture(5)
      const chosen = (name: string) =>
        page.locator('.picker [aria-pressed=true]', { has: page.getByAltText(name) }).waitFor()
      const file = { name: 'mine.png', mimeType: 'image/png', buffer }
      await explainedAfter(page, () => page.locator('input[type=file]').setInputFiles(file))
      await chosen('mine.png')

      for (const kind of ['drop', 'paste'] as const) {
        const act = `{
          const bytes = Uint8Array.from(atob('${buffer.toString('base64')}'), c => c.charCodeAt(0))
          const data = new DataTransfer()
          data.items.add(new File([bytes], '${kind}ed.png', { type: 'image/png' }))
          window.dispatchEvent(
            '${kind}' === 'drop'
              ? new DragEvent('drop', { dataTransfer: data, cancelable: true })
              : new ClipboardEvent('paste', { clipboardData: data }),
          )
        }`
        await explainedAfter(page, () => page.evaluate(act))
        await chosen(`${kind}ed.png`)
      }
      t.is(await page.locator('.picker img').count(), 5)
    })
  },
)

testWithBrowser('one press explains another class, and the link keeps it', async t => {
  await withPage(t, linked, async page => {
    await explained(page)
    const classes = page.locator('.classes button')
    await classes.nth(4).waitFor()
    t.is(await classes.count(), 5)
    const other = await classes.nth(1).locator('.name').innerText()
    const query = `target=${classNames.indexOf(other)}`
    await Promise.all([
      page.waitForResponse(response => response.url().includes(query)),
      classes.nth(1).click(),
    ])
    await page.getByRole('heading', { name: `Why ${other}?` }).waitFor()
    await explained(page)
    t.is(await classes.nth(1).getAttribute('aria-pressed'), 'true')
    await page.waitForURL(({ hash }) => hash.includes(query))

    await page.reload()
    await page.getByRole('heading', { name: `Why ${other}?` }).waitFor()
    await page.getByLabel('Another class').selectOption('class 7')
    await page.getByRole('heading', { name: 'Why class 7?' }).waitFor()
  })
})

testWithBrowser('the map follows a slider, and a new setting cancels the request before', async t => {
  await withPage(t, endless, async page => {
    const steps = page.getByRole('slider', { name: 'Steps' })
    const ofQuery = (words: string) => (request: Request) => request.url().includes(words)
    await page.locator('.tag.draft').waitFor()
    await Promise.all([
      page.waitForRequest(ofQuery('steps=4&')),
      page.waitForEvent('requestfailed', ofQuery('steps=1000')),
      steps.fill('4'),
    ])
    // Of the draft, and of the steps below it as soon as the map is there.
    await page.getByText('step 4 of 4', { exact: true }).first().waitFor()
    await explained(page)
    const before = await pixelsOf(page)
    const bits = await fact(page, 'bits')
    await page.getByRole('slider', { name: 'Price of a bit' }).fill('2')
    await until(async () => (await fact(page, 'bits')) !== bits)
    await explained(page)
    t.not(await pixelsOf(page), before)
    await page.waitForURL(({ hash }) => hash.includes('beta=100'))
    await page.getByRole('button', { name: 'Back to the defaults' }).click()
    await page.waitForURL(({ hash }) => !hash.includes('beta'))
  })
})

testWithBrowser('the map, its bits and the losses are those of each step as it is made', async t => {
  await withPage(t, endless, async page => {
    const tag = page.locator('.tag.draft', { hasText: /^step \d+ of 1000$/ })
    await tag.waitFor()
    await page.getByRole('heading', { name: 'Step by step' }).waitFor()
    t.regex(await fact(page, 'bits'), /\d/)
    t.is(await page.locator('.saving').count(), 0)
    const [early, pixels] = [await tag.innerText(), await pixelsOf(page)]
    await until(async () => (await tag.innerText()) !== early && (await pixelsOf(page)) !== pixels)
    await page.getByRole('slider', { name: 'Steps' }).fill('3')
    await page.getByText('step 3 of 3', { exact: true }).waitFor()
    await explained(page)
    t.is(await page.locator('.tag.draft').count(), 0)
  })
})

testWithBrowser(
  "an image's first map is a readout's, also where a setting changes before it is there",
  async t => {
    let asked = 0
    await withPage(t, '', async page => {
      await page.route(/method=readout/, async route => {
        // The first one is still on its way as the setting changes.
        asked++
        if (asked > 1) await route.continue()
      })
      // The whole map never comes, so that what is seen is the draft.
      await page.route(/attribute\/stream/, () => {})
      await page.goto(`${url}/explore/${endless.replace('model=small', 'model=read')}`)
      await page.reload()
      await until(() => asked === 1)
      await page.getByRole('slider', { name: 'Copies' }).fill('3')
      await page.getByText('draft, by readout', { exact: true }).waitFor()
      await page.locator('.stage canvas').waitFor()
      t.is(asked, 2)
    })
  },
)

testWithBrowser('a tab that is closed amid the work ends it', async t => {
  const work = async () => {
    const { running, waiting } = (await get(`${url}/ready`)).json.models[0]
    return running + waiting
  }
  await withPage(t, endless, async page => {
    await page.locator('.tag.draft').waitFor()
    t.true((await work()) > 0)
  })
  const closed = performance.now()
  await until(async () => (await work()) === 0)
  t.true(performance.now() - closed < 10_000)
})

testWithBrowser('colours, opacity, what is marked and what is under the pointer', async t => {
  await withPage(t, linked, async page => {
    await explained(page)
    const inferno = await pixelsOf(page)
    await page.getByText('Cividis').click()
    await page.waitForURL(({ hash }) => hash.includes('view-colors=cividis'))
    const cividis = await pixelsOf(page)
    t.not(cividis, inferno)
    await page.getByLabel('Opacity').fill('0')
    await page.waitForURL(({ hash }) => hash.includes('view-opacity=0'))
    t.not(await pixelsOf(page), cividis)

    t.is(await page.locator('.contour').count(), 1)
    t.regex(await fact(page, 'in the marked'), /^[\d.]+ % of the map$/)
    await page.getByLabel('Mark the strongest').fill('100')
    await page.locator('.facts', { hasText: '100 % of the map' }).waitFor()

    await canvasOf(page).hover()
    const told = /bits\/pixel here\. The circle holds [\d.,]+ bits, [\d.]+ % of all\./
    await page.locator('.place', { hasText: told }).waitFor()
    const before = await page.locator('.lens').getAttribute('cx')
    await page.locator('.picture').focus()
    await page.keyboard.press('ArrowRight')
    await until(async () => (await page.locator('.lens').getAttribute('cx')) !== before)
  })
})

testWithBrowser('two methods, and two networks, lie side by side under a wiper', async t => {
  await withPage(t, linked, async page => {
    await explained(page)
    await page.getByRole('button', { name: 'Compare with another' }).click()
    await page.locator('.over canvas').waitFor()
    t.is(await page.getByLabel('Second network').inputValue(), 'other')
    await page.getByLabel('Second network').selectOption('small')
    await page.getByLabel('Second method').selectOption('grad-cam')
    const wiper = page.getByLabel('How much is shown of')
    await wiper.focus()
    await page.keyboard.press('End')
    await page.locator('.over[style*="100%"]').waitFor({ state: 'attached' })
    await page.waitForURL(({ hash }) => hash.includes('against-method='))
    t.regex(
      await page.locator('pre').innerText(),
      /^iba attribute first\.png --model small --statistics [^\n]*\n\niba attribute first\.png --model small --method grad-cam/,
    )
    await page.reload()
    await page.locator('.over canvas').waitFor()
    await page.getByRole('button', { name: 'End the comparison' }).click()
    await page.locator('.over').waitFor({ state: 'detached' })
  })
})

testWithBrowser('a sweep of β draws bits against the probability, and a point sets β', async t => {
  await withPage(t, linked, async page => {
    await explained(page)
    await page.getByRole('button', { name: /^Sweep 9/ }).click()
    await page.getByRole('button', { name: 'Sweep again' }).waitFor()
    const points = page.getByRole('button', { name: /^β / })
    t.is(await points.count(), 9)
    const all = await points.all()
    const names = await Promise.all(all.map(async point => String(await point.getAttribute('aria-label'))))
    const bits = names.map(name => Number(/([\d.,]+) bits/.exec(name)![1]!.replaceAll(',', '')))
    t.true(bits[0]! >= bits.at(-1)!)
    await points.nth(6).focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(({ hash }) => hash.includes('beta=100'))
  })
})

testWithBrowser(
  'what is recognised in the marked part and without it, with both curves, and the steps of the work',
  async t => {
    await withPage(t, `${linked}&view-marked=20`, async page => {
      await explained(page)
      await page.getByText('Only this is left').waitFor()
      t.is(await page.locator('.parts li').count(), 6)
      await page.getByText(/put in \(area 0\.\d\d\)/).waitFor()
      t.is(
        await page
          .getByRole('group', { name: /^Probability of class/ })
          .locator('polyline')
          .count(),
        2,
      )
      const last = await pixelsOf(page)
      const step = page.getByLabel('Step', { exact: true })
      await step.fill('1')
      await page.getByText('step 1 of 3').waitFor()
      await until(async () => (await pixelsOf(page)) !== last)
      await page.getByRole('button', { name: 'Play' }).click()
      await page.getByText('step 3 of 3').waitFor()
      await until(async () => (await pixelsOf(page)) === last)
    })
  },
)

testWithBrowser('an array is chosen by its words, which the program quotes', async t => {
  await withPage(
    t,
    '#model=small&method=input-iba&view-image=first.png&steps=1&copies=1&featureSteps=1',
    async page => {
      await explained(page)
      await page.getByText('More settings').click()
      await page.getByLabel('prior', { exact: true }).selectOption('none')
      await page.getByText('TypeScript').click()
      await page.locator('pre', { hasText: "prior: 'none'" }).waitFor()
      t.true((await page.locator('pre').innerText()).includes("prior: 'none'"))
      await explained(page)
    },
  )
})

testWithBrowser('each view tells its command, program, request and link, and gives its files', async t => {
  await withPage(
    t,
    `${linked}&target=3&beta=5`,
    async page => {
      await explained(page)
      const text = () => page.locator('pre').innerText()
      t.is(
        await text(),
        'iba attribute first.png --model small --statistics statistics.safetensors --target 3 --beta 5 --steps 3 --copies 2',
      )
      await page.getByText('TypeScript').click()
      t.true(
        (await text()).includes(
          "createAttributer(model, 'per-sample', { statistics: 'statistics.safetensors', beta: 5, steps: 3, copies: 2 })",
        ),
      )
      await page.getByText('HTTP').click()
      t.true((await text()).includes('/v1/attribute?model=small&method=per-sample&target=3'))
      await page.getByText('Link', { exact: true }).click()
      t.is(await text(), page.url())

      const file = async (kind: string) => {
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.locator('.saving button', { hasText: kind }).click(),
        ])
        const path = join(folder, download.suggestedFilename())
        await download.saveAs(path)
        return path
      }
      const { width } = await sharp(await file('PNG')).metadata()
      t.true(width > 640)
      t.regex(await readFile(await file('SVG'), 'utf8'), /^<svg.*<path d="M.*bits\/pixel/s)
      t.deepEqual((await readNpy(await file('npy'))).shape, [64, 64])
      t.is((await sharp(await file('GIF')).metadata()).pages, 3)
      const html = await readFile(await file('HTML'), 'utf8')
      t.true(html.includes('iba attribute first.png') && html.includes("default-src 'none'"))
    },
    { acceptDownloads: true },
  )
})

testWithBrowser('light, dark and on a phone there is nothing that hinders anybody', async t => {
  const axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8')
  for (const options of [
    { colorScheme: 'light' },
    { colorScheme: 'dark' },
    { colorScheme: 'light', viewport: { width: 390, height: 844 } },
  ] as const) {
    for (const fragment of ['', `${linked}&against-model=small&against-method=grad-cam`]) {
      await withPage(
        t,
        fragment,
        async page => {
          if (fragment === '') await page.getByAltText('second.png').waitFor()
          else {
            await explained(page)
            await page.locator('.over canvas').waitFor()
            await page.getByText(/put in \(area/).waitFor()
          }
          await page.evaluate(axe)
          const violations = await page.evaluate<string[]>(
            `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | ')))`,
          )
          t.deepEqual(violations, [], JSON.stringify(options))
          t.true(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'))
        },
        options,
      )
    }
  }
})

testWithBrowser('the switch of light and dark is kept', async t => {
  await withPage(
    t,
    '',
    async page => {
      const isDark = async () =>
        (await page.evaluate('getComputedStyle(document.body).backgroundColor')) === 'rgb(21, 21, 23)'
      await page.getByRole('button', { name: 'Dark', pressed: false }).waitFor()
      t.false(await isDark())
      await page.getByRole('button', { name: 'Dark' }).click()
      await until(isDark)
      await page.reload()
      await page.getByRole('button', { name: 'Dark', pressed: true }).waitFor()
      await until(isDark)
      t.pass()
    },
    { colorScheme: 'light' },
  )
})

testWithBrowser('what the server refuses is told', async t => {
  const complaint = /status of 4/
  const context = await browser!.newContext()
  const page = await context.newPage()
  const messages: string[] = []
  page.on('console', message => messages.push(message.text()))
  await page.goto(`${url}/explore/${linked}&steps=100000`)
  await page.getByRole('alert').filter({ hasText: 'passes through the network' }).waitFor()
  await page.getByRole('button', { name: 'Back to the defaults' }).click()
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('no image') })
  await page.getByRole('alert').filter({ hasText: 'format is unknown' }).first().waitFor()
  t.true(messages.every(message => complaint.test(message)))
  await context.close()
})

test('the page has no scripts but its own, and only for this machine', async t => {
  const response = await fetch(`${url}/explore/`)
  const policy = response.headers.get('content-security-policy')!
  t.true(policy.includes("default-src 'none'; script-src 'self'") && !policy.includes('unsafe'))
  t.notRegex(await response.text(), /<script>|<style>/)
  t.is((await get(`${url}/explore`)).status, 200)
  const { json } = await get(`${url}/explore/session`)
  t.deepEqual(json.images, ['first.png', 'second.png'])
  t.deepEqual(json.layers.small['per-sample'], [model.bottleneckLayer])
})

test('images of the list are given by their place alone', async t => {
  t.is((await fetch(`${url}/explore/images/1`)).status, 200)
  const small = await sharp(
    Buffer.from(await (await fetch(`${url}/explore/thumbnails/0`)).arrayBuffer()),
  ).metadata()
  t.is(small.format, 'webp')
  for (const index of ['2', '-1', 'x', '..%2f..%2fetc%2fpasswd'])
    t.is((await get(`${url}/explore/images/${index}`)).status, 404, index)
})

test('parts of an image are predicted as a copy of it with only them would be', async t => {
  const image = (await picture()).toString('base64')
  const values = Float32Array.from({ length: 64 * 64 }, (_, i) => -i)
  const map = { height: 64, width: 64, data: Buffer.from(values.buffer).toString('base64') }
  const asked = { model: 'small', image, map, shares: [0, 0.5, 1], top: 10 }
  const { json, status } = await postJson(`${url}/explore/masked`, asked)
  t.is(status, 200)
  const byClass = (classes: { class: number; probability: number }[]) =>
    [...classes].sort((a, b) => a.class - b.class).map(({ probability }) => probability)
  const whole = byClass((await post(`${url}/v1/predict?top=10&model=small`, await picture())).json.classes)
  const [none, half, all] = json.predictions
  for (const [i, probability] of whole.entries()) {
    t.true(Math.abs(byClass(all.kept)[i]! - probability) < 1e-5)
    t.true(Math.abs(byClass(none.removed)[i]! - probability) < 1e-5)
    t.true(Math.abs(byClass(none.kept)[i]! - byClass(all.removed)[i]!) < 1e-5)
  }
  t.notDeepEqual(half.kept, half.removed)
  for (const wrong of [
    { ...asked, shares: [] },
    { ...asked, shares: [2] },
    { ...asked, map: { ...map, height: 63 } },
    { ...asked, map: undefined },
    { ...asked, image: undefined },
  ])
    t.is((await postJson(`${url}/explore/masked`, wrong)).status, 400, JSON.stringify(wrong).slice(-80))
})
