import type { Explanation } from './api.js'
import { contourOf, drawMap, endsOf, type Ground, inkingOf, type Marked } from './drawing.js'
import type { View } from './settings.js'

export interface Drawn {
  explanation: Explanation
  ground: Ground
  marked: Marked | undefined
  view: View
  title: string
}

/** A map over its image, with its colour bar and what is marked, as an SVG whose lines and words stay sharp. */
export function svgOf({ explanation: { map, unit }, ground, marked, view, title }: Drawn): string {
  const canvas = document.createElement('canvas')
  const inking = inkingOf({ map, unit }, view.colors)
  drawMap(canvas, ground, map, inking, view.opacity / 100)
  const { width, height } = ground
  const [margin, head, bar] = [24, 40, 18]
  const whole = { width: width + margin * 2 + bar + 90, height: height + head + margin * 2 }
  const [left, top] = [margin, margin + head]
  const barLeft = left + width + 20
  const stops = Array.from({ length: 17 }, (_, i) => {
    const color = `rgb(${inking.colors(1 - i / 16).join(',')})`
    return `<stop offset="${i / 16}" stop-color="${color}"/>`
  })
  const { least, most } = endsOf(inking)
  const contour = marked
    ? `<g transform="translate(${left} ${top}) scale(${width / map.width} ${height / map.height})" fill="none" stroke="#fff" stroke-width="1.2"><path d="${contourOf(map, marked.threshold)}"/></g>`
    : ''
  const words = (x: number, y: number, text: string, more = '') =>
    `<text x="${x}" y="${y}"${more}>${escaped(text)}</text>`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${whole.width}" height="${whole.height}" viewBox="0 0 ${whole.width} ${whole.height}" font-family="system-ui, sans-serif" font-size="15" fill="#1d1d1f">
<defs><linearGradient id="bar" x2="0" y2="1">${stops.join('')}</linearGradient></defs>
<rect width="100%" height="100%" fill="#fff"/>
${words(left, margin + 18, title, ' font-size="20" font-weight="600"')}
<image x="${left}" y="${top}" width="${width}" height="${height}" href="${canvas.toDataURL('image/png')}"/>
${contour}
<rect x="${barLeft}" y="${top}" width="${bar}" height="${height}" fill="url(#bar)"/>
${words(barLeft + bar + 8, top + 12, most)}
${words(barLeft + bar + 8, top + height, least)}
${words(0, 0, unit, ` transform="translate(${barLeft + bar + 22} ${top + height / 2}) rotate(-90)" text-anchor="middle" fill="#6a6a70"`)}
</svg>
`
}

/** The same as a PNG. */
export async function pngOf(drawn: Drawn): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svgOf(drawn)], { type: 'image/svg+xml' }))
  try {
    const image = new Image()
    image.src = url
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = image.naturalWidth
    canvas.height = image.naturalHeight
    canvas.getContext('2d')!.drawImage(image, 0, 0)
    return await new Promise((resolve, reject) =>
      canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error('The browser made no PNG.')))),
    )
  } finally {
    URL.revokeObjectURL(url)
  }
}

/** A map as NumPy reads it: float32 (height, width). */
export function npyOf({ map: { data, height, width } }: Explanation): Blob {
  const words = `{'descr': '<f4', 'fortran_order': False, 'shape': (${height}, ${width}), }`
  // The values begin at a multiple of 64 bytes.
  const length = Math.ceil((10 + words.length + 1) / 64) * 64 - 10
  const header = new Uint8Array(10 + length).fill(0x20)
  header.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8])
  header.set(new TextEncoder().encode(words), 10)
  header[header.length - 1] = 0x0a
  return new Blob([header, new Float32Array(data)])
}

/** Hands a file to the reader. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
