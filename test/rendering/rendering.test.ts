import { runInNewContext } from 'node:vm'
import test from 'ava'
import sharp from 'sharp'
import type { HeatMap } from '../../lib/attribution/attribution.js'
import { InvalidArgumentError } from '../../lib/foundation/errors.js'
import { renderAnimation } from '../../lib/rendering/animation.js'
import { inked } from '../../lib/rendering/blend.js'
import { renderBoxes } from '../../lib/rendering/box.js'
import { colorMap, colorMapNames } from '../../lib/rendering/color-map.js'
import { type OverlayOptions, renderOverlay } from '../../lib/rendering/overlay.js'
import { renderPage } from '../../lib/rendering/page.js'
import { displaySize, type Picture } from '../../lib/rendering/picture.js'
import { strokedText } from '../../lib/rendering/stroke-font.js'
import { labels, ticks } from '../../lib/rendering/ticks.js'

const orange: Picture = { pixels: filled(224, 224, [200, 120, 40]), width: 224, height: 224 }

function filled(width: number, height: number, color: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => color[i % 3]!)
}

/** 7 × 7 of nothing, but for one strong cell in the middle. */
function spot(value = 2): HeatMap {
  const data = new Float32Array(49)
  data[24] = value
  return { data, width: 7, height: 7, unit: 'bits/pixel' }
}

async function pixelsOf(png: Buffer): Promise<(x: number, y: number) => number[]> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return (x, y) => {
    const start = (y * info.width + x) * 3
    return [...data.subarray(start, start + 3)]
  }
}

function isGrey([red, green, blue]: number[]): boolean {
  return red === green && green === blue
}

test('colour maps grow lighter, up to the middle if they are for signed values, and stay within bytes', t => {
  for (const name of colorMapNames) {
    const colors = colorMap(name)
    const lightest = name === 'blue-red' ? 50 : 100
    let before = -1
    for (let i = 0; i <= 100; i++) {
      const [red, green, blue] = colors(i / 100)
      t.true([red, green, blue].every(value => Number.isInteger(value) && value >= 0 && value <= 255))
      const lightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue
      t.true(i <= lightest ? lightness >= before - 1 : lightness <= before + 1, `${name} ${i}`)
      before = lightness
    }
    t.deepEqual(colors(-1), colors(0))
    t.deepEqual(colors(2), colors(1))
  }
  t.deepEqual(colorMap('inferno')(0), [0, 0, 4])
  t.deepEqual(colorMap('viridis')(1), [253, 231, 37])
  t.throws(() => colorMap('jet' as 'inferno'), { instanceOf: InvalidArgumentError })
})

test('weak values tint a picture, but for signed ones, so that no line is seen where the sign changes', t => {
  const ink = { colors: colorMap('blue-red'), opacity: 0.9, signed: true }
  const [, before] = inked(-0.01, 40, ink)
  const [, at] = inked(0, 40, ink)
  const [, after] = inked(0.01, 40, ink)
  t.is(at, 40)
  t.true(Math.abs(before - at) <= 2 && Math.abs(after - at) <= 2, `${before} ${after}`)
  const [tinted] = inked(0.1, 200, { ...ink, colors: colorMap('inferno'), signed: false })
  t.true(tinted < 160, `${tinted}`)
})

test('pixels and maps of another realm are drawn, as Jest and Vitest hand them over', async t => {
  const other = <T>(expression: string, values: ArrayLike<number>) =>
    runInNewContext(expression, { values }) as T
  const map = { ...spot(), data: other<Float32Array>('Float32Array.from(values)', spot().data) }
  const image = { ...orange, pixels: other<Uint8Array>('Uint8Array.from(values)', orange.pixels) }
  t.false(map.data instanceof Float32Array || image.pixels instanceof Uint8Array)
  t.deepEqual(await renderOverlay(image, map), await renderOverlay(orange, spot()))
  t.true((await renderBoxes(image, [])).length > 0)
})

test('ticks are round and end at or below the maximum', t => {
  t.deepEqual(ticks(1), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1])
  t.deepEqual(labels(ticks(1)), ['0.0', '0.2', '0.4', '0.6', '0.8', '1.0'])
  t.deepEqual(labels(ticks(0.0087)), ['0.000', '0.002', '0.004', '0.006', '0.008'])
  t.deepEqual(labels(ticks(12)), ['0.0', '2.5', '5.0', '7.5', '10.0'])
  t.deepEqual(labels(ticks(3e-9)), ['0', '1e-9', '2e-9', '3e-9'])
  for (const maximum of [1e-100, 1e-45, 0.31, 1, 7, 99, 1e20]) {
    const values = ticks(maximum)
    t.true(values.length >= 3 && values.length <= 9, `${maximum}`)
    t.true(values.at(-1)! <= maximum * (1 + 1e-5))
  }
})

test('an overlay without frame is the picture, grey where the map is 0 and coloured where it is strong', async t => {
  const png = await renderOverlay(orange, spot(), { colorBar: false })
  const { format, width, height } = await sharp(png).metadata()
  t.deepEqual([format, width, height], ['png', 448, 448])
  const at = await pixelsOf(png)
  t.true(isGrey(at(10, 10)))
  const [red, green, blue] = at(224, 224)
  t.true(red! > 220 && green! > 200 && blue! > 100 && blue! < red!)
})

test('a colour bar and a title make room for themselves', async t => {
  const bare = await sharp(await renderOverlay(orange, spot(), { colorBar: false })).metadata()
  const bar = await sharp(await renderOverlay(orange, spot())).metadata()
  const titled = await sharp(
    await renderOverlay(orange, spot(), { title: 'bee <eater> & "co"\u0000' }),
  ).metadata()
  t.true(bar.width > bare.width + 60)
  t.is(titled.width, bar.width)
  t.is(titled.height, bar.height + 30)
})

test('maps of zeros, of one value, of values that are no numbers or negative are drawn', async t => {
  const constant = (value: number): HeatMap => ({
    data: new Float32Array(4).fill(value),
    width: 2,
    height: 2,
    unit: 'relative',
  })
  for (const value of [0, Number.NaN]) {
    const at = await pixelsOf(await renderOverlay(orange, constant(value), { colorBar: false }))
    t.true(isGrey(at(100, 100)), `${value}`)
    t.false(at(100, 100).every(channel => channel === 0))
  }
  for (const value of [5, -3, 1e-40, Infinity]) {
    const at = await pixelsOf(await renderOverlay(orange, constant(value), { colorBar: false }))
    t.false(isGrey(at(100, 100)), `${value}`)
    await t.notThrowsAsync(renderOverlay(orange, constant(value)))
  }
})

test('a common maximum keeps weak maps weak', async t => {
  const strong = await pixelsOf(await renderOverlay(orange, spot(2), { colorBar: false, maximum: 2 }))
  const weak = await pixelsOf(await renderOverlay(orange, spot(0.2), { colorBar: false, maximum: 2 }))
  t.true(strong(224, 224)[0]! > weak(224, 224)[0]! + 50)
})

test('a map that is nowhere near 0, as RISE makes them, is drawn from its least value on, but for bits', async t => {
  const least = 0.8
  const data = spot().data.map(value => (value === 0 ? least : 1))
  const raised = (unit: HeatMap['unit'], more: OverlayOptions = {}) =>
    renderOverlay(orange, { ...spot(), data, unit }, { colorBar: false, ...more }).then(pixelsOf)
  const spotted = await pixelsOf(await renderOverlay(orange, spot(1), { colorBar: false }))
  const [relative, bits] = [await raised('relative'), await raised('bits/pixel')]
  t.deepEqual(relative(10, 10), spotted(10, 10))
  t.deepEqual(relative(224, 224), spotted(224, 224))
  t.false(isGrey(bits(10, 10)))
  // Where maps are compared on one scale, that begins at 0 or where it is said.
  t.deepEqual((await raised('relative', { maximum: 1 }))(10, 10), bits(10, 10))
  t.deepEqual((await raised('bits/pixel', { minimum: least }))(10, 10), spotted(10, 10))
  // What is the same everywhere but for rounding stays so.
  const flat = { ...spot(), data: data.map((_, i) => 5 + (i % 2) * 1e-6), unit: 'relative' as const }
  const at = await pixelsOf(await renderOverlay(orange, flat, { colorBar: false }))
  t.deepEqual(at(10, 10), at(42, 10))
  t.deepEqual(labels(ticks(1, least)), ['0.80', '0.85', '0.90', '0.95', '1.00'])
  await t.throwsAsync(renderOverlay(orange, spot(1), { minimum: 1 }), {
    instanceOf: InvalidArgumentError,
    message: /minimum/,
  })
})

test('values below 0 are blue and those above red, 0 shows the picture', async t => {
  const map: HeatMap = {
    data: new Float32Array([-1, -1, 0, 0, 0, 0, 1, 1]),
    width: 8,
    height: 1,
    unit: 'logits',
  }
  const at = await pixelsOf(await renderOverlay(orange, map, { colorBar: false }))
  const [left, middle, right] = [at(20, 224), at(224, 224), at(428, 224)]
  t.true(left[2]! > left[0]! + 80, `${left}`)
  t.true(isGrey(middle), `${middle}`)
  t.true(right[0]! > right[2]! + 80, `${right}`)
  const positive = await pixelsOf(await renderOverlay(orange, map, { colorBar: false, signed: false }))
  t.true(isGrey(positive(20, 224)))
  t.false(isGrey(positive(428, 224)))
  await t.notThrowsAsync(renderOverlay(orange, map, { title: 'both' }))
})

test('a machine without fonts writes with our own letters', async t => {
  const width = async (content: string) => {
    const letters = strokedText(content, 10, 30, { size: 16 })
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="40">${letters}</svg>`
    const { info } = await sharp(Buffer.from(svg)).trim().png().toBuffer({ resolveWithObject: true })
    return info.width
  }
  t.true((await width('WWW')) > (await width('iii')) * 2)
  t.true((await width('0.008 bits/pixel')) > 100)
  t.is(strokedText('β', 0, 0, { size: 16 }), strokedText('?', 0, 0, { size: 16 }))
})

test('pictures of any proportion fit', async t => {
  t.deepEqual(displaySize({ width: 4000, height: 2000 }), { width: 1024, height: 512 })
  t.deepEqual(displaySize({ width: 1, height: 900 }), { width: 1, height: 900 })
  const wide: Picture = { pixels: filled(100, 3, [9, 9, 9]), width: 100, height: 3 }
  const { width, height } = await sharp(await renderOverlay(wide, spot(), { colorBar: false })).metadata()
  t.deepEqual([width, height], [448, 13])
  await t.notThrowsAsync(renderOverlay(wide, spot()))
})

test('wrong input to an overlay is refused', async t => {
  const wrong = { instanceOf: InvalidArgumentError }
  await t.throwsAsync(renderOverlay({ ...orange, width: 223 }, spot()), wrong)
  await t.throwsAsync(renderOverlay(orange, { ...spot(), width: 8 }), wrong)
  await t.throwsAsync(renderOverlay(orange, spot(), { opacity: 2 }), wrong)
  await t.throwsAsync(renderOverlay(orange, spot(), { maximum: 0 }), wrong)
  await t.throwsAsync(renderOverlay(orange, spot(), { colour: 'red' } as OverlayOptions), wrong)
})

test('an animation has a page for each map', async t => {
  const maps = [0.5, 1, 2].map(value => spot(value))
  for (const format of ['gif', 'webp'] as const) {
    const moving = await sharp(
      await renderAnimation(orange, maps, { format, frameMilliseconds: 100 }),
    ).metadata()
    t.is(moving.format, format)
    t.is(moving.pages, 3)
    t.is(moving.loop, 0)
    t.deepEqual(moving.delay, [100, 100, 500])
  }
  const single = await sharp(await renderAnimation(orange, [{ ...spot(), label: 'only' }])).metadata()
  t.is(single.pages ?? 1, 1)
  const lastFrame = async (first: number) => {
    const moving = await renderAnimation(orange, [spot(first), spot(1)], { format: 'webp' })
    return await sharp(moving, { page: 1 }).raw().toBuffer()
  }
  t.deepEqual(await lastFrame(1), await lastFrame(100))
  await t.throwsAsync(renderAnimation(orange, []), { instanceOf: InvalidArgumentError })
})

test('boxes are drawn where they are', async t => {
  const png = await renderBoxes(orange, [{ x: 50, y: 60, width: 100, height: 80 }], { color: '#00ff00' })
  const { width, height } = await sharp(png).metadata()
  t.deepEqual([width, height], [448, 448])
  const at = await pixelsOf(png)
  t.deepEqual(at(100, 200), [0, 255, 0])
  t.deepEqual(at(200, 120), [0, 255, 0])
  t.deepEqual(at(200, 200), [200, 120, 40])
  t.deepEqual(at(20, 20), [200, 120, 40])
})

test('a page holds all it shows and nothing it is not to run', async t => {
  const overlay = await renderOverlay(orange, spot())
  const image = await sharp(orange.pixels, { raw: { width: 224, height: 224, channels: 3 } })
    .jpeg()
    .toBuffer()
  const animation = await renderAnimation(orange, [spot(1), spot(2)])
  const html = renderPage({
    title: 'Maps <script>alert(1)</script>',
    introduction: 'Three & more.\nA second line.',
    sections: [
      {
        title: 'First <i>',
        introduction: 'By "A" & B',
        items: [
          {
            name: 'a" onload="x',
            image,
            overlay,
            animation,
            others: [{ name: 'grad<cam', overlay }],
            facts: [['class', "'bee' <eater>"]],
            credit: 'C & D',
          },
        ],
      },
      {
        title: 'Second',
        introduction: '',
        items: [{ name: 'b', image, boxedImage: overlay, overlay, facts: [] }],
        conclusion: '1 < 2',
      },
    ],
    footer: 'made in 2 s',
  })
  t.true(html.startsWith('<!doctype html>'))
  t.false(html.includes('<script'))
  t.false(html.includes('"a" onload'))
  t.true(html.includes('&#39;bee&#39; &lt;eater&gt;'))
  t.true(html.includes('Three &amp; more.\nA second line.'))
  for (const text of ['First &lt;i&gt;', 'By &quot;A&quot; &amp; B', 'grad&lt;cam', 'C &amp; D', '1 &lt; 2'])
    t.true(html.includes(text), text)
  t.true(html.includes('prefers-color-scheme: dark'))
  const sources = [...html.matchAll(/src="([^"]{0,22})/g)].map(match => match[1])
  t.deepEqual(sources, [
    'data:image/jpeg;base64',
    'data:image/png;base64,',
    'data:image/gif;base64,',
    'data:image/png;base64,',
    'data:image/png;base64,',
    'data:image/png;base64,',
  ])
  t.false(/https?:/.test(html))
  const broken = { name: 'c', image: Buffer.from('no'), overlay, facts: [] }
  const sections = [{ title: '', introduction: '', items: [broken] }]
  t.throws(() => renderPage({ title: '', introduction: '', sections }), {
    instanceOf: InvalidArgumentError,
  })
})
