import test from 'ava'
import { InvalidArgumentError, renderTokens } from '../../lib/index.js'

const backgrounds = (page: string) =>
  [...page.matchAll(/class="token"[^>]*background:rgb\((\d+),(\d+),(\d+)\)/g)].map(found =>
    found.slice(1).map(Number),
  )

test('tokens are white for 0, and red as far as they are of the largest', t => {
  const [none, half, whole] = backgrounds(renderTokens(Float32Array.from([0, 1, 2])))
  t.deepEqual(none, [244, 244, 244])
  t.deepEqual(whole, [212, 42, 31])
  t.true(half![0]! > 200 && half![1]! > whole![1]! && half![1]! < none![1]!)
  const [first] = backgrounds(renderTokens(Float32Array.from([1, 0]), { maximum: 2 }))
  t.deepEqual(first, half)
})

test('what speaks against is blue, on a scale with both ends', t => {
  const page = renderTokens(Float32Array.from([-2, 0, 1]), { unit: 'logits' })
  const [against, none] = backgrounds(page)
  t.deepEqual(against, [26, 74, 212])
  t.deepEqual(none, [244, 244, 244])
  t.regex(page, /left:0\.00%">-2</)
  t.regex(page, /<figcaption>logits</)
  t.notRegex(renderTokens(Float32Array.from([0, 1])), /<figcaption>|">-/)
})

test('words are shown as they are, whatever they hold', t => {
  const page = renderTokens(Float32Array.from([1, 1, 1]), {
    tokenTexts: ['<script>', ' ', 'größe'],
    title: 'a & b',
  })
  t.deepEqual(
    [...page.matchAll(/<b>(.*?)<\/b>/g)].map(([, word]) => word),
    ['&lt;script&gt;', '␣', 'größe'],
  )
  t.regex(page, /<h1>a &amp; b<\/h1>/)
  t.notRegex(page, /<script/)
})

test('values and words that do not fit are refused', t => {
  const refused = (values: unknown, options: object, message: RegExp) =>
    t.throws(() => renderTokens(values as Float32Array, options), {
      instanceOf: InvalidArgumentError,
      message,
    })
  refused([1], {}, /a Float32Array with a value for each token/)
  refused(new Float32Array(0), {}, /a Float32Array with a value for each token/)
  refused(new Float32Array(2), { tokenTexts: ['a'] }, /2 texts, one for each token/)
  refused(new Float32Array(2), { maximum: 0 }, /maximum/)
  refused(new Float32Array(2), { words: [] }, /Unknown option 'words'/)
})
