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
  /** The map of another method, and that method's name. */
  other?: { name: string; overlay: Uint8Array }
  /** Such as `['class', 'bee eater']`, `['bits', '312']`. */
  facts: readonly (readonly [label: string, value: string])[]
}

export interface Page {
  title: string
  introduction: string
  items: readonly PageItem[]
  footer?: string
}

/** One HTML page that holds everything it shows: no scripts, nothing from elsewhere. Light or dark as the reader's
 * system is, and readable on a phone.
 * @throws {InvalidArgumentError} a picture is of an unknown format */
export function renderPage({ title, introduction, items, footer }: Page): string {
  return htmlDocument({ title, introduction, main: items.map(card).join('\n'), style: cardStyle, footer })
}

function card({ name, image, boxedImage, overlay, animation, other, facts }: PageItem): string {
  const pictures = [
    embeddedPicture(boxedImage ?? image, boxedImage ? `${name} with its bounding box` : name, 'image'),
    embeddedPicture(overlay, `heat map of ${name}`, 'map'),
    other ? embeddedPicture(other.overlay, `heat map of ${name}, ${other.name}`, 'other') : '',
    animation ? embeddedPicture(animation, `heat map of ${name}, step by step`, 'steps') : '',
  ]
  return `<article${animation ? ' class="wide"' : ''}>
<h2>${escapeXml(name)}</h2>
<div class="pictures">${pictures.join('')}</div>
<dl>${facts.map(([label, value]) => `<div><dt>${escapeXml(label)}</dt><dd>${escapeXml(value)}</dd></div>`).join('')}</dl>
</article>`
}

// Figures are drawn on white, so every picture stands on white, in the dark too.
const cardStyle = `
main { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 40rem), 1fr)) }
article.wide { grid-column: 1 / -1 }
@media (min-width: 64rem) { article.wide img { height: 20rem } }
.pictures { display: flex; flex-wrap: wrap; gap: .75rem; align-items: flex-start }
img { height: 16rem; width: auto; max-width: 100%; object-fit: contain; background: #fff }
@media (max-width: 40rem) { img { width: 100%; height: auto } }
`
