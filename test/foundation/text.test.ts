import test from 'ava'
import { numberText, visible, visibleJson } from '../../lib/foundation/text.js'
import { rangeText } from '../../lib/foundation/validate.js'

// What terminals act on: control sequences of one and of two bytes, bells, line ends, marks of direction.
const hostile: [string, string][] = [
  ['\x1b[2J\x1b]0;title\x07', '\\x1b[2J\\x1b]0;title\\x07'],
  ['\u009b31mred', '\\x9b31mred'],
  ['a\r\nb\tc\bd\x7f', 'a\\r\\nb\\tc\\x08d\\x7f'],
  ['photo\u202egpj.exe', 'photo\\u202egpj.exe'],
  ['\u2066x\u2069\u200e\u200f\u061c', '\\u2066x\\u2069\\u200e\\u200f\\u061c'],
  ['one\u2028two\u2029', 'one\\u2028two\\u2029'],
  ['\ud800', '\\ud800'],
]

test('what a terminal acts on is spelled out, and stays as it is the second time', t => {
  for (const [text, expected] of hostile) {
    t.is(visible(text), expected)
    t.is(visible(expected), expected)
  }
})

test('letters of all languages, and what is drawn of several, are left alone', t => {
  for (const text of ['Grüße', '猫.jpg', 'שלום', '👩‍🔬 ok', "it's 100 % \\n"]) t.is(visible(text), text)
})

test('JSON holds nothing that a terminal acts on, and reads as the same value', t => {
  for (const [text] of hostile) {
    const value = { [text]: [text, 1, null], nested: { text } }
    for (const indent of [undefined, 2]) {
      const json = visibleJson(value, indent)
      t.deepEqual(JSON.parse(json), value)
      t.is(visible(json.replaceAll('\n', '')), json.replaceAll('\n', ''))
    }
  }
})

test('numbers and ranges are written as people write them', t => {
  const numbers: [number, string][] = [
    [0.15, '0.15'],
    [1_000_000, '1000000'],
    [1e12, '1e12'],
    [-1e12, '-1e12'],
  ]
  for (const [value, text] of numbers) t.is(numberText(value), text)
  const ranges: [number, number, string][] = [
    [1, 4096, ' from 1 to 4096'],
    [0, Infinity, ' of at least 0'],
    [-Infinity, 1e12, ' of at most 1e12'],
    [Number.MIN_VALUE, Infinity, ' above 0'],
    [Number.MIN_VALUE, 1, ' above 0 and up to 1'],
    [-Infinity, Infinity, ''],
  ]
  for (const [minimum, maximum, text] of ranges) t.is(rangeText(minimum, maximum), text)
})
