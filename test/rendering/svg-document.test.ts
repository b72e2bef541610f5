import test from 'ava'
import { svgDocument } from '../../lib/rendering/svg-document.js'
import { renderCurves } from '../../lib/training/curves.js'

/** What the document says it can do, of which libraries use more than its type tells. */
// biome-ignore lint/suspicious/noExplicitAny: a stand-in for a browser's document has no type here
const document = svgDocument() as any
const svg = 'http://www.w3.org/2000/svg'

test('elements, attributes, styles and text become markup, and nothing gets out of its place', t => {
  const group = document.createElementNS(svg, 'g')
  group.setAttribute('aria-label', '"a" & b')
  group.style.setProperty('mix-blend-mode', 'multiply')
  Object.assign(group.style, { fontFamily: 'serif' })
  const line = group.appendChild(document.createElementNS(svg, 'line'))
  const text = group.insertBefore(document.createElementNS(svg, 'text'), line)
  text.textContent = '1 < 2'
  t.is(
    group.outerHTML,
    '<g aria-label="&quot;a&quot; &amp; b" style="mix-blend-mode:multiply;font-family:serif">' +
      '<text>1 &lt; 2</text><line/></g>',
  )
  line.remove()
  text.textContent = ''
  t.is(group.firstChild.outerHTML, '<text/>')
  t.is(group.textContent, '')
  t.is(text.ownerDocument.documentElement.namespaceURI, 'http://www.w3.org/1999/xhtml')
})

test('an element that is put elsewhere leaves its place', t => {
  const [a, b, child] = ['a', 'b', 'c'].map(name => document.createElementNS(svg, name))
  a.append(child, 'text')
  b.appendChild(child)
  t.is(a.outerHTML, '<a>text</a>')
  t.is(b.outerHTML, '<b><c/></b>')
})

test('the curves of a training are drawn in it', t => {
  const outcome = { loss: 1, crossEntropy: 2, bits: 3, accuracy: 0.5 }
  const log = [1, 2, 3].map(step => ({ kind: 'interval', step, ...outcome, loss: 3 / step }))
  const drawn = renderCurves(log as unknown as Parameters<typeof renderCurves>[0])
  t.is(drawn.match(/aria-label="line"/g)?.length, 4)
  const [path = ''] = /<path [^>]*d="M[^"]*"/.exec(drawn.slice(drawn.indexOf('aria-label="line"'))) ?? []
  t.is(path.split('L').length, 3)
  t.false(/NaN|undefined/.test(drawn))
})
