import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import sharp, { type Sharp, type SharpOptions } from 'sharp'
import { readBounded } from '../foundation/bounded-reading.js'
import { Budget } from '../foundation/concurrency.js'
import { ImageError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { isBlob, isUrl, toBuffer } from '../foundation/realms.js'
import { invalid, requireInteger } from '../foundation/validate.js'
import { type BmpHeader, decodeBmp, readBmpHeader } from './bmp.js'
import { formatOf, type ImageFormat, imageLimits } from './formats.js'
import { fillAround, opaqueGif } from './gif.js'

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

/** 8-bit RGB pixels, row by row: an image, or a part of it, as results hold it. */
export interface Picture {
  /** height × width × 3 bytes. */
  pixels: Uint8Array
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
}

/** An image to decode: a path, a `file:` URL, the bytes of an encoded image, or decoded pixels. */
export type ImageSource = string | URL | Uint8Array | ArrayBufferLike | Blob | RawImage | Picture

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
  /** The EXIF orientation (1 to 8) that was applied to what the file holds; 1 for none. */
  orientation: number
}

/** How an image is decoded. */
export interface DecodeOptions {
  /** 'exif' turns the image as its EXIF tag says, as viewers do; 'stored' leaves it as the file holds it, as Pillow and
   * torchvision do. Default: 'exif'. */
  orientation?: Orientation | undefined
  /** How many pixels an image may have. Default: 178,956,970, as in Pillow. */
  pixels?: number | undefined
  /** Ends the reading of the file. */
  signal?: AbortSignal | undefined
}

/** Which way up an image is: as its EXIF tag says, or as its file holds it. */
export type Orientation = 'exif' | 'stored'

/** The pixels of all images that are decoded and not used yet: 800 MB. */
const memory = new Budget(2 ** 28)

/** Decodes JPEG, PNG, WebP, GIF (first frame), TIFF (first page), AVIF or BMP to 8-bit RGB, off the event loop (but BMP on
 * it).
 *
 * The pixels are those that `PIL.Image.open(...).convert('RGB')` gives: alpha is dropped and the colour values under it
 * kept, grey is repeated over the three channels, CMYK is converted without a profile, and embedded colour profiles are not
 * applied. Three things differ: the EXIF orientation is applied, where Pillow does it for TIFF alone; 16 bit grey keeps its
 * upper 8 bits, where Pillow cuts it off at 255; the colours of AVIF differ a little at edges.
 * @throws {ImageError} the file is missing, broken, too large or of an unknown format */
export async function decodeImage(source: ImageSource, options: DecodeOptions = {}): Promise<DecodedImage> {
  return await withDecoded(source, options, async image => image)
}

/** Decodes an image and uses it. So many pixels are held by all uses under way that a folder of enormous images can't fill
 * the memory.
 * @throws {ImageError} as `decodeImage` */
export async function withDecoded<Result>(
  source: ImageSource,
  options: DecodeOptions,
  use: (image: DecodedImage) => Promise<Result>,
): Promise<Result> {
  const picture = await open(source, options)
  return await memory.spend(picture.width * picture.height, async () => use(await picture.decode()))
}

/** An image whose size is known, and whose pixels are still to be decoded. */
interface OpenImage {
  width: number
  height: number
  decode: () => Promise<DecodedImage>
}

async function open(source: ImageSource, options: DecodeOptions): Promise<OpenImage> {
  if (typeof source === 'string') return openFile(source, options)
  if (isUrl(source)) return openFile(filePath(source), options)
  if (types.isUint8Array(source)) return openBytes(toBuffer(source), memoryName, options)
  if (types.isAnyArrayBuffer(source)) return openBytes(Buffer.from(source), memoryName, options)
  if (isBlob(source)) return openBlob(source, options)
  if (isRawImage(source)) return openRaw(source)
  if (isPicture(source)) return openRaw({ ...source, data: source.pixels, channels: 3 })
  throw invalid(
    'image',
    'a path, a file: URL, encoded bytes (Uint8Array, ArrayBuffer, Blob), { data, width, height, channels } or ' +
      '{ pixels, width, height }',
    source,
  )
}

const memoryName = 'image in memory'

/** The path that a `file:` URL names. */
export function filePath(url: URL): string {
  if (url.protocol !== 'file:') {
    throw new ImageError(`Can't read '${url.href}': only file: URLs are read. Fetch it and give its bytes.`, {
      source: url.href,
    })
  }
  return fileURLToPath(url.href)
}

// The file is read here, not by sharp: one wording for missing files, and libvips would cache files by name.
async function openFile(path: string, options: DecodeOptions): Promise<OpenImage> {
  let bytes: Uint8Array
  try {
    bytes = await readBounded(path, imageLimits.file, options.signal)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw new ImageError(`Can't read the image '${path}': ${fileReason(error)}`, {
      cause: error,
      source: path,
    })
  }
  return openBytes(bytes, path, options)
}

async function openBlob(blob: Blob, options: DecodeOptions): Promise<OpenImage> {
  const name = 'name' in blob && typeof blob.name === 'string' && blob.name !== '' ? blob.name : memoryName
  const { bytes, of } = imageLimits.file
  if (blob.size > bytes)
    throw undecodable(name, `it is longer than ${bytes / 2 ** 20} MiB, the limit of ${of}`)
  return openBytes(new Uint8Array(await blob.arrayBuffer()), name, options)
}

async function openBytes(bytes: Uint8Array, source: string, options: DecodeOptions): Promise<OpenImage> {
  const found = formatOf(bytes)
  if ('unknown' in found) throw undecodable(source, found.unknown)
  const picture = await named(source, () =>
    found.format === 'bmp' ? openBmp(bytes, source) : openEncoded(bytes, found.format, source, options),
  )
  const { width, height } = picture
  const most = Math.min(options.pixels ?? imageLimits.pixels, imageLimits.pixels)
  if (width * height > most || Math.max(width, height) > imageLimits.side) {
    const [pixels, side] = [most, imageLimits.side].map(limit => limit.toLocaleString('en'))
    throw undecodable(
      source,
      `it has ${width} × ${height} pixels, more than the limits of an image: ${pixels} in all, ${side} on a side`,
    )
  }
  return { ...picture, decode: () => named(source, picture.decode) }
}

async function openEncoded(
  bytes: Uint8Array,
  format: Exclude<ImageFormat, 'bmp'>,
  source: string,
  { orientation = 'exif' }: DecodeOptions,
): Promise<OpenImage> {
  const {
    width,
    height,
    space,
    orientation: tag = 1,
  } = await openSharp(bytes, { limitInputPixels: false }).metadata()
  const applied = orientation === 'exif' && tag >= 1 && tag <= 8 ? tag : 1
  const decode = async () => {
    const frame = format === 'gif' ? opaqueGif(bytes) : undefined
    const upright = openSharp(frame?.bytes ?? bytes, {
      limitInputPixels: imageLimits.pixels,
      autoOrient: orientation === 'exif',
    })
    const picture = space === 'cmyk' ? toCmyk(upright) : toRgb(upright)
    const { data, info } = await picture.toBuffer({ resolveWithObject: true })
    const pixels = space === 'cmyk' ? cmykToRgb(data) : data
    if (frame) fillAround(frame, pixels, info.width)
    return { pixels, width: info.width, height: info.height, source, orientation: applied }
  }
  return { width, height, decode }
}

async function openBmp(bytes: Uint8Array, source: string): Promise<OpenImage> {
  const header: BmpHeader = readBmpHeader(bytes)
  const { width, height } = header
  const decode = async () => ({ pixels: decodeBmp(bytes, header), width, height, source, orientation: 1 })
  return { width, height, decode }
}

/** What a decoder says, as an error that names the image. */
async function named<Result>(source: string, decode: () => Promise<Result>): Promise<Result> {
  try {
    return await decode()
  } catch (error) {
    const said = fileReason(error).split('\n')[0]!
    throw undecodable(source, said, error)
  }
}

function undecodable(source: string, why: string, cause?: unknown): ImageError {
  return new ImageError(
    `Can't decode '${source}': ${why}. Expected a whole JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP. Check that the file ` +
      'opens elsewhere, save it again, or leave it out.',
    { cause, source },
  )
}

// failOn 'error': a cut-off file is refused, but a harmless warning (such as odd metadata) is not.
function openSharp(bytes: Uint8Array, options: SharpOptions): Sharp {
  return sharp(bytes, { failOn: 'error', ignoreIcc: true, ...options })
}

function toRgb(picture: Sharp): Sharp {
  return picture.removeAlpha().toColourspace('srgb').raw({ depth: 'uchar' })
}

function toCmyk(picture: Sharp): Sharp {
  return picture.removeAlpha().pipelineColourspace('cmyk').toColourspace('cmyk').raw({ depth: 'uchar' })
}

/** Pillow's rule, which knows no inks: white, less what black and the colour take. */
function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const count = cmyk.length / 4
  const pixels = new Uint8ClampedArray(count * 3)
  for (let i = 0; i < count; i++) {
    const light = 255 - cmyk[i * 4 + 3]!
    for (let channel = 0; channel < 3; channel++) {
      const product = cmyk[i * 4 + channel]! * light + 128
      pixels[i * 3 + channel] = light - ((product + (product >> 8)) >> 8)
    }
  }
  return new Uint8Array(pixels.buffer)
}

function isRawImage(value: unknown): value is RawImage {
  return typeof value === 'object' && value !== null && 'data' in value && 'channels' in value
}

function isPicture(value: unknown): value is Picture {
  return typeof value === 'object' && value !== null && 'pixels' in value
}

function openRaw({ data, width, height, channels }: RawImage): OpenImage {
  requireInteger('image.width', width, 1, imageLimits.side)
  requireInteger('image.height', height, 1, imageLimits.side)
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw invalid('image.channels', '1, 3 or 4', channels)
  if (!types.isUint8Array(data) && !types.isUint8ClampedArray(data)) {
    throw invalid('image.data', 'a Uint8Array or Uint8ClampedArray', data)
  }
  const expected = width * height * channels
  if (data.length !== expected) {
    throw invalid('image.data', `${expected} bytes (${height} × ${width} × ${channels})`, data.length)
  }
  // Before anything is waited for: the caller may reuse its buffer while the work runs.
  const pixels = rawToRgb(data, width * height, channels)
  const image = { pixels, width, height, source: 'raw pixels', orientation: 1 }
  return { width, height, decode: async () => image }
}

/** Always a copy. */
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
