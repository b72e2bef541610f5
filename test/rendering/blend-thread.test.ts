import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { run } from '../../lib/install/process.mjs'
import { type Blending, blend, inkTable } from '../../lib/rendering/blend.js'
import { blendOnThread } from '../../lib/rendering/blend-thread.js'
import { colorMap } from '../../lib/rendering/color-map.js'
import { renderOverlay } from '../../lib/rendering/overlay.js'
import { root } from '../../scripts/setup/paths.mjs'

/** A picture and a map of pseudo-random numbers, some of which are below 0, infinite or no numbers. */
function blending(signed: boolean, size = { width: 97, height: 61 }): Blending {
  const grey = Uint8Array.from({ length: size.width * size.height }, (_, i) => (i * 7919) % 256)
  const data = Float32Array.from({ length: 13 * 9 }, (_, i) => Math.sin(i * 12.9898) * 43)
  data.set([Number.NaN, Infinity, -Infinity], 20)
  const ink = { colors: colorMap(signed ? 'blue-red' : 'viridis'), opacity: 0.7, signed }
  return { grey, size, map: { data, width: 13, height: 9 }, maximum: 31, minimum: 0, table: inkTable(ink) }
}

test('a thread blends to the same bytes as the event loop would', async t => {
  const all = [blending(false), blending(true), blending(true, { width: 512, height: 3 })]
  const [first, ...others] = await Promise.all(all.map(blendOnThread))
  t.deepEqual(
    [first, ...others].map(pixels => Buffer.from(pixels!)),
    all.map(each => Buffer.from(blend(each))),
  )
})

test('parts of larger arrays, maps with more than numbers and own colours are drawn', async t => {
  const image = { pixels: new Uint8Array(32 * 32 * 3).fill(90), width: 32, height: 32 }
  const all = new Float32Array(3 * 49).fill(5)
  all.fill(1, 49, 98)
  const map = { data: all.subarray(49, 98), width: 7, height: 7, unit: 'bits/pixel' as const }
  const options = { colorMap: (value: number) => [255, Math.round(255 * value), 0] as const }
  const expected = await renderOverlay(image, { ...map, data: map.data.slice() }, options)
  t.deepEqual(await renderOverlay(image, map, options), expected)
  const named = { ...map, say: () => 'no thread can be given this' }
  t.deepEqual(await renderOverlay(image, named, options), expected)
})

test('without its file the thread is done without, and with it a process ends when its pictures are drawn', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'iba-blend-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const built = join(root, 'dist', 'lib', 'rendering')
  const names = ['blend.js', 'blend-thread.js', 'colors.js']
  for (const name of names) cpSync(join(built, name), join(folder, name))
  const program = (at: string) => `
    const { blendOnThread } = await import('${pathToFileURL(join(at, 'blend-thread.js')).href}')
    const map = { data: Float32Array.of(0, 1), width: 2, height: 1 }
    const table = { colors: new Uint8Array(3075).fill(9), cover: new Float32Array(1025).fill(1), signed: false }
    const blending = { grey: new Uint8Array(4), size: { width: 4, height: 1 }, map, maximum: 1, minimum: 0, table }
    const all = await Promise.all([blendOnThread(blending), blendOnThread(blending)])
    all.push(await blendOnThread(blending))
    console.log(all.map(pixels => pixels.join()).join(' '))`
  for (const at of [folder, built]) {
    const { code, output } = await run(process.execPath, ['--input-type=module', '-e', program(at)])
    t.is(code, 0, output)
    t.is(output.trim(), Array<string>(3).fill(Array<number>(12).fill(9).join()).join(' '))
  }
})
