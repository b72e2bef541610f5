import sharp from 'sharp'
import { toBuffer } from '../foundation/realms.js'
import { embeddedPicture, htmlDocument } from './document.js'
import { displaySize, type Picture } from './picture.js'
import { type ComparedImage, shownMap, shrunk } from './sheet.js'
import { escapeXml } from './svg.js'

export interface ComparisonPage {
  title: string
  introduction: string
  images: readonly ComparedImage[]
  footer?: string
}

/** A contact sheet as one HTML page that holds everything it shows. */
export async function renderComparisonPage({
  title,
  introduction,
  images,
  footer,
}: ComparisonPage): Promise<string> {
  const articles = await Promise.all(images.map(article))
  return htmlDocument({ title, introduction, main: articles.join('\n'), style, footer })
}

async function article({ title, image, facts, maps }: ComparedImage): Promise<string> {
  const size = displaySize(image)
  const figures = [figure(await webp(await shrunk(image, size), size), title, 'image', facts)]
  for (const { title: name, map, facts } of maps) {
    figures.push(
      figure(await webp(await shownMap(image, map, size), size), `${name} of ${title}`, name, facts),
    )
  }
  return `<article>
<h2>${escapeXml(title)}</h2>
<div class="maps" style="max-width:${20 * figures.length}rem">${figures.join('')}</div>
</article>`
}

function figure(bytes: Uint8Array, description: string, name: string, facts: readonly string[]): string {
  const lines = facts.map(fact => `<span>${escapeXml(fact)}</span>`).join('')
  return `<figure>${embeddedPicture(bytes, description, 'map')}<figcaption><b>${escapeXml(name)}</b>${lines}</figcaption></figure>`
}

async function webp(pixels: Uint8Array, size: Pick<Picture, 'width' | 'height'>): Promise<Uint8Array> {
  return await sharp(toBuffer(pixels), { raw: { width: size.width, height: size.height, channels: 3 } })
    .webp({ quality: 88 })
    .toBuffer()
}

const style = `
main { display: grid; gap: 1.25rem }
.maps { display: grid; gap: 1.25rem 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 11rem), 1fr)) }
figure img { width: 100%; height: auto }
figcaption b { color: var(--ink) }
figcaption span { display: block; font-variant-numeric: tabular-nums }
@media (max-width: 40rem) { .maps { grid-template-columns: repeat(2, 1fr); gap: 1rem .75rem } }
`
