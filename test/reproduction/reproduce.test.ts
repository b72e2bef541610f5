import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test from 'ava'
import { type Browser, chromium, type Page } from 'playwright-core'
import { chartsOf, lineStyles } from '../../lib/reproduction/charts.js'
import { findPaperMethod, paperMethods } from '../../lib/reproduction/paper.js'
import { readPublishedValues, transcribedValues } from '../../lib/reproduction/published.js'
import { renderReport } from '../../lib/reproduction/report-page.js'
import { csvTable, markdownTables } from '../../lib/reproduction/score-tables.js'
import type { CellResult, ModelTable } from '../../lib/reproduction/table.js'
import { iba, makeFolder } from '../support/command.js'
import { testWithModels } from '../support/imported-models.js'
import { browser, testNeeding } from '../support/requirements.js'

const found = browser()
const testWithBrowser = testNeeding(found)

const env = { IBA_THREADS: '2', OMP_WAIT_POLICY: 'passive' }
const methods = ['Random', 'Saliency', 'Fitted', 'Readout Dense 10', 'PatternAttribution', 'zero']
const protocols = ['degradation-56', 'bounding-boxes', 'sensitivity-n-112', 'sanity']

const demoImages = fileURLToPath(new URL('../../../demo/images', import.meta.url))

let folder: string
let remove: () => Promise<void>

test.before(async () => {
  ;({ folder, remove } = await makeFolder())
})
test.after.always(() => remove())

/** The smallest reproduction that has everything. */
const reproduce = (...more: string[]) =>
  iba(
    [
      ...['reproduce', '--model', 'demo', '--device', 'cpu', '--data', 'demo', '--quiet', '--learn', '4'],
      ...['--methods', methods.join(','), '--protocols', protocols.join(','), '--out', join(folder, 'out')],
      ...['--samples', 'degradation=2,bounding-boxes=3,sensitivity-n=1,sanity=1', ...more],
    ],
    { env },
  )

test.serial('the whole table is estimated, measured and reported, and what is there is kept', async t => {
  const out = (...names: string[]) => join(folder, 'out', ...names)
  const planned = await reproduce('--estimate')
  t.is(planned.code, 0, planned.stderr)
  // A readout has no part in the sanity check.
  t.regex(planned.stdout, /^23 of 23 values left to measure, which takes about \d/)
  t.false(existsSync(out('report.html')))

  const first = await reproduce()
  t.is(first.code, 0, first.stderr)
  t.regex(first.stdout, /^23 of 23 values left/)
  t.regex(first.stdout, /demo, Per-Sample 10\/k, degradation-56: -?\d\.\d{3} \[/)
  t.regex(first.stdout, /report\.html/)
  const results = (await readdir(out())).filter(name => /^demo\..*\.json$/.test(name))
  t.is(results.length, 23)
  t.is((await readdir(out('examples', 'demo'))).length, 3 * 7)

  const csv = (await readFile(out('table.csv'), 'utf8')).trim().split('\n')
  t.is(csv.length, 24)
  const saliency = JSON.parse(await readFile(out('demo.saliency.degradation-56.json'), 'utf8'))
  t.true(csv.some(line => line.startsWith(`demo,Saliency,degradation-56,${saliency.score.value},`)))
  const markdown = await readFile(out('table.md'), 'utf8')
  t.regex(markdown, /\| method \| Degradation 56×56 ↑ \|/)
  t.is(markdown.split('\n').filter(line => line.startsWith('| ')).length, 2 + 6)

  // What the masks do to the logit is found once, and taken for all methods.
  const drops = async (name: string) =>
    JSON.parse(await readFile(out(`demo.${name}.sensitivity-112.json`), 'utf8')).records[0].values.drops[0]
  t.deepEqual((await drops('zero')).drop, (await drops('random')).drop)
  t.true((await drops('zero')).relevance.every((value: number) => value === 0))

  await rm(out('demo.saliency.degradation-56.json'))
  const kept = await stat(out('demo.random.sanity.json'))
  const second = await reproduce()
  t.is(second.code, 0, second.stderr)
  t.regex(second.stdout, /^1 of 23 values left/)
  t.is((await stat(out('demo.random.sanity.json'))).mtimeMs, kept.mtimeMs)
  const again = JSON.parse(await readFile(out('demo.saliency.degradation-56.json'), 'utf8'))
  t.deepEqual(again.score, saliency.score)
  t.regex((await reproduce()).stdout, /^All of 23 values are there already/)
})

test.serial('a folder of other runs is refused, naming what differs', async t => {
  const data = join(folder, 'data')
  await mkdir(join(data, '0'), { recursive: true })
  const [first, second, third, fourth] = await readdir(demoImages)
  for (const name of [first!, second!, third!]) await copyFile(join(demoImages, name), join(data, '0', name))
  const out = join(folder, 'identity')
  const run = (...more: string[]) =>
    iba(
      [
        ...['reproduce', '--model', 'demo', '--device', 'cpu', '--data', data, '--quiet', '--learn', '2'],
        ...[
          '--methods',
          'Random,PatternAttribution',
          '--protocols',
          'degradation-112',
          '--out',
          out,
          ...more,
        ],
      ],
      { env },
    )
  t.is((await run()).code, 0)
  for (const [more, difference] of [
    [['--seed', '1'], /They differ in data\.seed \(0 there, 1 here\)/],
    [['--samples', 'degradation=1', '--report-only'], /They differ in data\.samples/],
    [['--weights', 'seeded:1', '--estimate'], /patterns\.safetensors' was learnt otherwise.*weightHash/],
    [['--learn', '3'], /They differ in images \(2 there, 3 here\)/],
  ] as const) {
    const { code, stderr } = await run(...more)
    t.is(code, 1)
    t.regex(stderr, difference)
    t.regex(stderr, /Choose another --out, or remove/)
  }
  await copyFile(join(demoImages, fourth!), join(data, '0', first!))
  t.regex((await run()).stderr, /was learnt otherwise\. They differ in content/)
  await rm(join(out, 'demo.patterns.recipe'))
  t.regex((await run()).stderr, /was changed since '.*' was evaluated with it/)
})

/** A network of ten classes as TorchScript. */
const makeModel = `
import sys, torch
from torch import nn
torch.manual_seed(0)
layers = [nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)]
torch.jit.trace(nn.Sequential(*layers).eval(), torch.zeros(1, 3, 224, 224)).save(sys.argv[1])
`

testWithModels('a model is reproduced from its file, wherever that lies', async t => {
  const file = join(folder, 'some where', 'my model.pt')
  await mkdir(join(folder, 'some where'))
  t.is(spawnSync('python3', ['-c', makeModel, file]).status, 0)
  const out = join(folder, 'from-file')
  const { code, stderr } = await iba(
    [
      ...['reproduce', '--model', file, '--device', 'cpu', '--data', 'demo', '--quiet', '--out', out],
      ...['--methods', 'Random', '--protocols', 'degradation-112', '--samples', 'degradation=1'],
    ],
    { env },
  )
  t.is(code, 0, stderr)
  t.regex((await readdir(out)).join(), /my-model-[0-9a-f]{8}\.random\.degradation-112\.json/)
})

testWithBrowser('the report opens, is sorted by its headings, and has every figure', async t => {
  await withReport(async (browser, path) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    const complaints = await open(page, path)
    t.is(await page.locator('tbody tr').count(), methods.length)
    // Degradation and the sanity check have two curves each, sensitivity-n one.
    const lines: number[] = []
    for (const chart of await page.locator('.charts figure > svg').all())
      lines.push(await chart.locator('g > title ~ path').count())
    // A readout has no part in the sanity check.
    t.deepEqual(lines, [6, 6, 6, 5, 5])
    t.is(await page.locator('.maps img').count(), 3 * (1 + methods.length))
    const pictures = await page
      .locator('.maps img')
      .evaluateAll(images => images.every(image => 'naturalWidth' in image && Number(image.naturalWidth) > 0))
    t.true(pictures)

    const values = async () =>
      (await page
        .locator('tbody tr td:nth-child(2)')
        .evaluateAll(cells => cells.map(cell => Number(cell.getAttribute('data-value'))))) as number[]
    const before = await values()
    await page.locator('thead button').nth(1).click()
    t.deepEqual(
      await values(),
      [...before].sort((a, b) => b - a),
    )
    await page.locator('thead button').nth(1).click()
    t.deepEqual(
      await values(),
      [...before].sort((a, b) => a - b),
    )
    await page.locator('thead button').nth(0).click()
    const names = await page.locator('tbody tr th').allTextContents()
    t.deepEqual(
      names,
      [...names].sort((a, b) => a.localeCompare(b)),
    )

    const saliency = page.locator('.charts g[aria-label=Saliency]').first()
    await page.locator('.legend button', { hasText: 'Random' }).click()
    t.is(await saliency.evaluate(line => line.getAttribute('style')), 'opacity: 0.1;')
    t.deepEqual(complaints, [])
  })
})

testWithBrowser('the report is light or dark, and fits a phone', async t => {
  await withReport(async (browser, path) => {
    const grounds: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme })
      t.deepEqual(await open(page, path), [])
      t.true(Number(await page.evaluate('document.documentElement.scrollWidth')) <= 390)
      grounds.push(String(await page.evaluate('getComputedStyle(document.body).backgroundColor')))
    }
    t.not(grounds[0], grounds[1])
  })
})

test('settings that numbers say little without stand below their table', t => {
  const [column] = tableOfTwo().columns
  const table = { ...tableOfTwo(), columns: [{ ...column!, title: 'Deletion', told: 'step 10, blur < 3' }] }
  t.regex(markdownTables([table]), /\|\n\nDeletion: step 10, blur < 3\.\n/)
  const html = renderReport({
    models: [{ table, found: [], examples: [] }],
    leftOut: [],
    dataNote: undefined,
  })
  t.true(html.includes('<p class="note">Deletion: step 10, blur &lt; 3.</p>'))
})

test('published values stand beside the measured ones, with the difference', t => {
  const table = tableOfTwo()
  t.regex(
    markdownTables([table]),
    /\| Grad-CAM \| 0\.530 \[0\.510, 0\.550\] \/ 0\.536 \(−0\.006\) \| 1\.50 \|/,
  )
  t.regex(
    markdownTables([table]),
    /published values \(unchecked transcription of Table 1; compare with the paper/,
  )
  const [, line] = csvTable([table]).split('\n')
  t.regex(
    line!,
    /^resnet50,Grad-CAM,degradation-8,0\.53,0\.51,0\.55,0\.536,-0\.006\d*,7,1\.5,unchecked transcription of Table 1; compare with/,
  )
  const html = renderReport({
    models: [{ table, found: [], examples: [] }],
    leftOut: [{ model: 'resnet50', what: 'LRP', why: 'a < b' }],
    dataNote: undefined,
  })
  t.regex(html, /<td data-value="0\.536">0\.536<\/td><td data-value="-0\.006\d*">−0\.006<\/td>/)
  t.regex(html, /a &lt; b/)
  t.regex(
    html,
    /Published values: unchecked transcription of Table 1; compare with the paper before citing\./,
  )
  t.notRegex(html, /https?:\/\/(?!www\.w3\.org)/)
})

const known = { models: ['resnet50', './mine.pt2'], protocols: [], methods: paperMethods }

test('a checked table of published values takes the place of the transcription', async t => {
  const path = join(folder, 'checked.csv')
  const lines = [
    'value,protocol,method,model',
    '0.5,degradation-8,Grad-CAM,resnet50',
    '-1e-3,bounding-boxes,"Smoothgrad (of Saliency)",./mine.pt2',
    '.25,Degradation-14,FITTED_BETA1,vgg16',
    ',degradation-8,Random,vgg16',
  ]
  await writeFile(path, `\ufeff${lines.join('\r\n')}\r\n\r\n`)
  const values = await readPublishedValues(path, known)
  const found = (model: string, method: string, protocol: string) =>
    values.find(model, findPaperMethod(method)!, protocol)
  t.is(values.source, "as 'checked.csv' has them")
  t.is(found('resnet50', 'Grad-CAM', 'degradation-8'), 0.5)
  t.is(found('./mine.pt2', 'Smoothgrad (of Saliency)', 'bounding-boxes'), -0.001)
  t.is(found('vgg16', 'Fitted beta1', 'degradation-14'), 0.25)
  t.is(found('vgg16', 'Random', 'degradation-8'), undefined)
  // What is in the transcription alone.
  t.is(found('resnet50', 'Saliency', 'degradation-8'), undefined)
})

test('what is wrong with a table of published values is said, with the row and the nearest name', async t => {
  const path = join(folder, 'wrong.csv')
  const row = 'resnet50,Grad-CAM,degradation-8,0.5'
  for (const [text, message] of [
    ['', /has no column 'model'\. Expected the columns model, method, protocol, value/],
    ['model,method,protocol,valeu\n', /has the column 'valeu'\. Did you mean 'value'/],
    ['model,method,protocol,value,value\n', /has the column 'value'/],
    [
      `model,method,protocol,value\n${row.replace('resnet50', 'resnet5')}`,
      /Row 2 .*model 'resnet5'\. Did you mean 'resnet50'/,
    ],
    [
      `model,method,protocol,value\n${row.replace('CAM', 'KAM')}`,
      /Row 2 .*method 'Grad-KAM'\. Did you mean 'Grad-CAM'/,
    ],
    [
      `model,method,protocol,value\n${row.replace('-8', '-9')}`,
      /Row 2 .*protocol 'degradation-9'\. Did you mean/,
    ],
    [`model,method,protocol,value\n${row}\n${row}`, /Row 3 .*has a value already/],
    [
      `model,method,protocol,value\n${row}\nresnet50,grad-cam,degradation-8,0.4`,
      /Row 3 .*has a value already/,
    ],
    [`model,method,protocol,value\n"${row}`, /Row 2 .*a quote is not closed/],
    [`model,method,protocol,value\n${row}x`, /Row 2 .*'0\.5x' is no number/],
    [`model,method,protocol,value\n${row.replace('0.5', 'NaN')}`, /'NaN' is no number/],
    [`model,method,protocol,value\n${row.replace('0.5', '0,5')}`, /Row 2 .*has 5 cells, but the first row 4/],
  ] as const) {
    await writeFile(path, text)
    await t.throwsAsync(readPublishedValues(path, known), { code: 'DATASET', message }, text)
  }
  await t.throwsAsync(readPublishedValues(join(folder, 'none.csv'), known), { code: 'FILE' })
})

test("the example of a table has the names of the paper's rows", async t => {
  const path = fileURLToPath(new URL('../../../docs/published.example.csv', import.meta.url))
  await t.notThrowsAsync(readPublishedValues(path, known))
  const lines = (await readFile(path, 'utf8')).trim().split('\n').slice(1)
  const named = new Set(lines.map(line => line.split(',')[1]))
  t.deepEqual(
    [...named],
    paperMethods.map(({ title }) => title),
  )
  t.is(lines.length, 2 * 3 * paperMethods.length)
})

test('each line of a chart goes through its points and has its own style', t => {
  const styles = lineStyles(paperMethods)
  t.is(new Set([...styles.values()].map(style => JSON.stringify(style))).size, paperMethods.length)
  const found = ['Saliency', 'LRP'].map(
    title =>
      ({
        kind: 'degradation',
        settings: { tile: 8 },
        method: { title },
        curves: [{ name: 'most relevant first', x: [0, 0.5, 1], y: [1, 0.25, 0] }],
      }) as unknown as CellResult,
  )
  const [chart, ...others] = chartsOf(found, styles)
  t.is(others.length, 0)
  t.is(chart!.caption, 'Degradation, tiles of 8×8, most relevant first')
  const points = [...chart!.svg.matchAll(/<title>(.*?)<\/title><path d="M([^"]*)"/g)]
  t.deepEqual(
    points.map(([, title]) => title),
    ['Saliency', 'LRP'],
  )
  t.is(points[0]![2]!.split('L').length, 3)
})

test("the paper's methods are found by the names of its scripts", t => {
  t.is(findPaperMethod('smoothgrad_(of_saliency)')?.method, 'smoothgrad')
  t.deepEqual(findPaperMethod('Fitted beta100')?.options, { preset: 'paper', beta: 100 })
  t.is(findPaperMethod('Fitted beta2'), undefined)
  t.is(new Set(paperMethods.map(({ scriptName }) => scriptName)).size, 16)
})

test('what is wrong with the words is said', async t => {
  const words = ['reproduce', '--model', 'demo', '--data', 'demo', '--out', join(folder, 'wrong')]
  for (const [more, complaint] of [
    [['--protocols', 'degradation'], /expected some of degradation-8/],
    [['--methods', 'Fitt'], /There is no method 'Fitt'/],
    [['--samples', 'degradation'], /Expected counts such as degradation=24/],
  ] as const) {
    const { code, stderr } = await iba([...words, ...more])
    t.is(code, 2)
    t.regex(stderr, complaint)
  }
  await writeFile(join(folder, 'file'), '')
  const blocked = await iba([...words.slice(0, -1), join(folder, 'file')])
  t.is(blocked.code, 2)
  t.regex(blocked.stderr, /--out '.*file' is a file\. Expected a folder/)
})

/** Looks at the report in a browser. */
async function withReport(look: (browser: Browser, path: string) => Promise<void>): Promise<void> {
  const report = join(folder, 'out', 'report.html')
  if (!existsSync(report)) await reproduce()
  const browser = await chromium.launch({ executablePath: found.path!, args: ['--no-sandbox'] })
  try {
    await look(browser, report)
  } finally {
    await browser.close()
  }
}

/** Opens a page, and gathers what the browser complains about. */
async function open(page: Page, path: string): Promise<string[]> {
  const complaints: string[] = []
  page.on('console', message => complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    if (/^https?:/.test(request.url())) complaints.push(request.url())
  })
  await page.goto(pathToFileURL(path).href)
  return complaints
}

function tableOfTwo(): ModelTable {
  const method = findPaperMethod('Grad-CAM')!
  const score = { value: 0.53, low: 0.51, high: 0.55, level: 0.95 }
  return {
    model: 'resnet50',
    publishedSource: transcribedValues.source,
    columns: [{ protocol: 'degradation-8', title: 'Degradation 8×8', direction: 'higher' }],
    rows: [
      {
        method,
        secondsPerMap: 1.5,
        entries: new Map([['degradation-8', { score, images: 7, published: 0.536 }]]),
      },
    ],
  }
}
