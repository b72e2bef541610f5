import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import sharp, { type Sharp } from 'sharp'
import { ImageError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { invalid, requireInteger } from '../foundation/validate.js'

/** Pixels that are decoded already: 8 bit, row by row, channels interleaved (HWC). */
export interface RawImage {
  /** height × width × channels bytes. */
  data: Uint8Array | Uint8ClampedArray
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
  /** 1 grey, 3 RGB, 4 RGB and alpha */
  channels: 1 | 3 | 4
}

/** An image to decode: a path, a `file:` URL, the bytes of an encoded image, or decoded pixels. */
export type ImageSource = string | URL | Uint8Array | RawImage

/** An image as 8-bit RGB. */
export interface DecodedImage {
  /** height × width × 3 bytes, row by row */
  pixels: Uint8Array
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
  /** The path, or words for an image that came from memory. */
  source: string
}

const formats = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']

/** A small file can claim to hold an enormous picture. 2^28 pixels are 16384 × 16384, or 800 MB decoded. */
const maximumPixels = 2 ** 28

/** Decodes JPEG, PNG, WebP, GIF (first frame), TIFF (first page) or AVIF to 8-bit RGB, off the event loop.
 *
 * The pixels are those that `PIL.Image.open(...).convert('RGB')` gives: alpha is dropped and the colour values under it
 * kept, grey is repeated over the three channels, and embedded colour profiles are not applied. Three things go further:
 * the EXIF orientation is applied, CMYK goes through a profile, and 16 bit per channel keeps its upper 8.
 * @throws {ImageError} the file is missing, broken, too large or of an unknown format */
export async function decodeImage(source: ImageSource): Promise<DecodedImage> {
  if (typeof source === 'string') return decodeFile(source)
  if (source instanceof URL) return decodeFile(filePath(source))
  if (source instanceof Uint8Array) return decodeBytes(source, 'image in memory')
  if (isRawImage(source)) return decodeRaw(source)
  throw invalid('image', 'a path, a file: URL, encoded bytes, or { data, width, height, channels }', source)
}

/** The path that a `file:` URL names. */
export function filePath(url: URL): string {
  if (url.protocol !== 'file:') {
    throw new ImageError(`Can't read '${url.href}': only file: URLs are read. Fetch it and give its bytes.`, {
      source: url.href,
    })
  }
  return fileURLToPath(url)
}

// The file is read here, not by sharp: one wording for missing files, and libvips would cache files by name.
async function decodeFile(path: string): Promise<DecodedImage> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new ImageError(`Can't read the image '${path}': ${fileReason(error)}`, {
      cause: error,
      source: path,
    })
  }
  return decodeBytes(bytes, path)
}

async function decodeBytes(bytes: Uint8Array, source: string): Promise<DecodedImage> {
  try {
    const picture = open(bytes)
    const { format } = await picture.metadata()
    if (!formats.includes(format)) throw new Error(`it is ${format}, which is not an image of pixels we read`)
    const { data, info } = await toRgb(picture).toBuffer({ resolveWithObject: true })
    return { pixels: data, width: info.width, height: info.height, source }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new ImageError(
      `Can't decode '${source}': ${said}. Expected a whole JPEG, PNG, WebP, GIF, TIFF or AVIF of at most ` +
        `${maximumPixels} pixels. Check that the file opens elsewhere, save it again, or leave it out.`,
      { cause: error, source },
    )
  }
}

// failOn 'error': a cut-off file is refused, but a harmless warning (such as odd metadata) is not.
function open(bytes: Uint8Array): Sharp {
  return sharp(bytes, { failOn: 'error', limitInputPixels: maximumPixels, ignoreIcc: true, autoOrient: true })
}

function toRgb(picture: Sharp): Sharp {
  return picture.removeAlpha().toColourspace('srgb').raw({ depth: 'uchar' })
}

function isRawImage(value: unknown): value is RawImage {
  return typeof value === 'object' && value !== null && 'data' in value && 'channels' in value
}

function decodeRaw({ data, width, height, channels }: RawImage): DecodedImage {
  requireInteger('image.width', width, 1)
  requireInteger('image.height', height, 1)
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw invalid('image.channels', '1, 3 or 4', channels)
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw invalid('image.data', 'a Uint8Array or Uint8ClampedArray', data)
  }
  const expected = width * height * channels
  if (data.length !== expected) {
    throw invalid('image.data', `${expected} bytes (${height} × ${width} × ${channels})`, data.length)
  }
  return { pixels: rawToRgb(data, width * height, channels), width, height, source: 'raw pixels' }
}

/** Always a copy: the caller may reuse its buffer while the work runs. */
function rawToRgb(data: Uint8Array | Uint8ClampedArray, count: number, channels: 1 | 3 | 4): Uint8Array {
  if (channels === 3) return new Uint8Array(data)
  const pixels = new Uint8Array(count * 3)
  for (let i = 0; i < count; i++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels[i * 3 + channel] = data[i * channels + (channels === 1 ? 0 : channel)]!
    }
  }
  return pixels
}
