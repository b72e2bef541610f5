import sharp from 'sharp'
import { strokedText } from './stroke-font.js'
import { text } from './svg.js'

let known: Promise<typeof text> | undefined

/** How this machine can write on a picture: with its fonts, or else with our own letters. */
export function lettering(): Promise<typeof text> {
  known ??= hasFonts().then(
    fonts => (fonts ? text : strokedText),
    () => strokedText,
  )
  return known
}

/** Without a font every character is drawn as the same box. */
async function hasFonts(): Promise<boolean> {
  const [narrow, wide] = await Promise.all(['i', 'W'].map(widthOf))
  return narrow !== wide
}

async function widthOf(letter: string): Promise<number> {
  const drawn = sharp({ text: { text: letter, font: 'sans-serif 24' } })
  return (await drawn.png().toBuffer({ resolveWithObject: true })).info.width
}
