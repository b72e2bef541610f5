import { embeddedPicture, htmlDocument } from './document.js'
import { escapeXml } from './svg.js'

/** One image of a page, with its map and what is to be said about it. Pictures are PNG, JPEG, GIF or WebP files. */
export interface PageItem {
  name: string
  image: Uint8Array
  /** The image with its bounding boxes; shown instead of the image. */
  boxedImage?: Uint8Array
  overlay: Uint8Array
  /** The map after each step. */
  animation?: Uint8Array
  /** The maps of other methods: a single one stands beside the map, several below it and smaller. */
  others?: readonly { name: string; overlay: Uint8Array }[]
  /** Such as `['class', 'bee eater']`, `['bits', '312']`. */
  facts: readonly (readonly [label: string, value: string])[]
  /** Such as who took the picture. */
  credit?: string
}

/** Images that belong together. */
export interface PageSection {
  title: string
  introduction: string
  items: readonly PageItem[]
  /** What they say together. */
  conclusion?: string
}

export interface Page {
  title: string
  introduction: string
  sections: readonly PageSection[]
  footer?: string
}

/** One HTML page that holds everything it shows: no scripts, nothing from elsewhere. Light or dark as the reader's
 * system is, and readable on a phone.
 * @throws {InvalidArgumentError} a picture is of an unknown format */
export function renderPage({ title, introduction, sections, footer }: Page): string {
  return htmlDocument({
    title,
    introduction,
    main: sections.map(section).join('\n'),
    style: sectionStyle,
    footer,
  })
}

function section({ title, introduction, items, conclusion }: PageSection): string {
  const last = conclusion === undefined ? '' : `\n<p class="said">${escapeXml(conclusion)}</p>`
  return `<section>
<h2>${escapeXml(title)}</h2>
<p class="said">${escapeXml(introduction)}</p>
<div class="cards">
${items.map(card).join('\n')}
</div>${last}
</section>`
}

function card({ name, image, boxedImage, overlay, animation, others = [], facts, credit }: PageItem): string {
  const pictures = [
    embeddedPicture(boxedImage ?? image, boxedImage ? `${name} with its bounding box` : name, 'image'),
    embeddedPicture(overlay, `heat map of ${name}`, 'map'),
    animation ? embeddedPicture(animation, `heat map of ${name}, step by step`, 'steps') : '',
  ]
  const further = others.map(
    other =>
      `<figure>${embeddedPicture(other.overlay, `heat map of ${name}, ${other.name}`, 'other')}<figcaption>${escapeXml(other.name)}</figcaption></figure>`,
  )
  // A single one more stands in the same row.
  const row = further.length === 1 ? [...pictures, ...further] : pictures
  return `<article>
<h3>${escapeXml(name)}</h3>
<div class="pictures">${row.join('')}</div>
${further.length <= 1 ? '' : `<div class="pictures others">${further.join('')}</div>\n`}<dl>${facts.map(([label, value]) => `<div><dt>${escapeXml(label)}</dt><dd>${escapeXml(value)}</dd></div>`).join('')}</dl>
${credit === undefined ? '' : `<p class="credit">${escapeXml(credit)}</p>\n`}</article>`
}

// Figures are drawn on white, so every picture stands on white, in the dark too.
const sectionStyle = `
section + section { margin-top: 3rem }
section > h2 { margin: 0 0 .25rem; font-size: 1.35rem }
.said { max-width: 44rem; margin: 0 0 1.25rem; color: var(--soft); white-space: pre-line }
.cards + .said { margin: 1.25rem 0 0 }
.cards { display: grid; gap: 1.25rem }
h3 { margin: 0 0 .75rem; font-size: 1.05rem; overflow-wrap: anywhere }
.cards > article { container-type: inline-size }
.pictures { display: flex; flex-wrap: wrap; gap: .75rem; align-items: flex-start }
.others { margin-top: .75rem }
.pictures img { height: 16rem; width: auto; max-width: 100%; object-fit: contain; background: #fff }
.others img { height: 11rem }
@container (min-width: 60rem) { .pictures img { height: min(20rem, 20cqi) } .others img { height: min(20rem, 20cqi) } }
.credit { margin: .75rem 0 0; font-size: .8rem; color: var(--soft); overflow-wrap: anywhere }
@media (max-width: 40rem) {
  .pictures { display: grid }
  .pictures img { width: 100%; height: auto }
  .others { display: grid; grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)) }
}
`
