import type { ReadingLimit } from '../foundation/bounded-reading.js'

/** A format of image files that is read. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'bmp'

/** Bounds on what is made of an image file. Pillow refuses images of more pixels as well. */
export const imageLimits = {
  file: { bytes: 2 ** 29, of: 'an image file' } satisfies ReadingLimit,
  pixels: 178_956_970,
  side: 2 ** 20,
}

/** What the first bytes say, whatever the file is called. Only what is named here reaches a decoder. */
const beginnings: readonly [RegExp, ImageFormat][] = [
  [/^\xff\xd8\xff/, 'jpeg'],
  [/^\x89PNG\r\n/, 'png'],
  [/^GIF8[79]a/, 'gif'],
  [/^RIFF.{4}WEBP/s, 'webp'],
  [/^(II[*+]|MM.[*+])/s, 'tiff'],
  [/^.{4}ftyp(.{4}){0,15}avi[fs]/s, 'avif'],
  [/^BM/, 'bmp'],
]

/** What is often found in the place of an image, and what to do then. */
const others: readonly [RegExp, string][] = [
  [/^$/, 'it is empty'],
  [/^version https:\/\/git-lfs/, 'it is a pointer of Git LFS. Run git lfs pull'],
  [
    /^\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body)/is,
    'it is a web page, as a failed download leaves it',
  ],
  [/<svg|^\s*<\?xml/i, 'it is SVG, which holds no pixels. Draw it as PNG first'],
  [/^.{4}ftyp(hei|hev|mif|msf)/s, 'it is HEIC. Convert it to JPEG or PNG'],
  [/^(\xff\n|.{4}JXL )/s, 'it is JPEG XL. Convert it to JPEG or PNG'],
  [/^(.{4}jP {2}|\xff\x4f\xff\x51)/s, 'it is JPEG 2000. Convert it to JPEG or PNG'],
  [/^%PDF/, 'it is PDF. Draw its page as PNG first'],
  [/^8BPS/, 'it is a Photoshop document. Export it as PNG'],
  [/^\x93NUMPY/, 'it is an array of NumPy. Give it a name that ends in .npy'],
]

/** The format of an image file; or in words why it is none that is read. */
export function formatOf(bytes: Uint8Array): { format: ImageFormat } | { unknown: string } {
  const begin = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 256)).toString('latin1')
  const format = beginnings.find(([beginning]) => beginning.test(begin))?.[1]
  if (format) return { format }
  return { unknown: others.find(([beginning]) => beginning.test(begin))?.[1] ?? 'its format is unknown' }
}
