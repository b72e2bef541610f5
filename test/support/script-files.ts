import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'

/** TorchScript files written byte by byte, right or wrong. A pickle is the concatenation of its instructions. */

export interface ZipEntry {
  name: string
  data: Uint8Array | string
  isCompressed?: boolean
}

/** A zip archive; `prefix` stands in front of it. */
export function zip(entries: readonly ZipEntry[], prefix = ''): Buffer {
  const parts: Buffer[] = [Buffer.from(prefix, 'latin1')]
  const directory: Buffer[] = []
  let offset = parts[0]!.length
  for (const { name, data, isCompressed } of entries) {
    const plain = Buffer.from(data as string, 'latin1')
    const stored = isCompressed ? deflateRawSync(plain) : plain
    const about = Buffer.alloc(26)
    about.writeUInt16LE(20, 0)
    about.writeUInt16LE(isCompressed ? 8 : 0, 4)
    about.writeUInt32LE(crc32(plain), 10)
    about.writeUInt32LE(stored.length, 14)
    about.writeUInt32LE(plain.length, 18)
    about.writeUInt16LE(name.length, 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), about, place, Buffer.from(name, 'latin1'))
    const local = [Buffer.from('PK\x03\x04', 'latin1'), about, Buffer.from(name, 'latin1'), stored]
    parts.push(...local)
    offset += local.reduce((sum, part) => sum + part.length, 0)
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(entries.length, 4)
  end.writeUInt16LE(entries.length, 6)
  end.writeUInt32LE(listed.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...parts, listed, Buffer.from('PK\x05\x06', 'latin1'), end])
}

function littleEndian(value: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, i) =>
    String.fromCharCode(Math.floor(value / 256 ** i) % 256),
  ).join('')
}

export const text = (value: string): string => `X${littleEndian(value.length, 4)}${value}`
export const integer = (value: number): string => `J${littleEndian(value, 4)}`
export const yes = '\x88'
export const no = '\x89'
export const global = (module: string, name: string): string => `c${module}\n${name}\n`
export const tuple = (items: readonly string[]): string => `(${items.join('')}t`

/** An object of a class of the program, with these attributes. */
export function object(name: string, attributes: Readonly<Record<string, string>>): string {
  const entries = Object.entries(attributes).map(([key, value]) => text(key) + value)
  return `${global('__torch__', name)})\x81}(${entries.join('')}ub`
}

/** A tensor of floats in the entry `key` of the archive. */
export function tensor(key: string, shape: readonly number[]): string {
  const size = (sides: readonly number[]) => sides.reduce((product, side) => product * side, 1)
  const strides = shape.map((_, dimension) => size(shape.slice(dimension + 1)))
  const storage = [
    text('storage'),
    global('torch', 'FloatStorage'),
    text(key),
    text('cpu'),
    integer(size(shape)),
  ]
  const hooks = `${global('collections', 'OrderedDict')})R`
  const view = [integer(0), tuple(shape.map(integer)), tuple(strides.map(integer)), no, hooks]
  return `${global('torch._utils', '_rebuild_tensor_v2')}${tuple([`${tuple(storage)}Q`, ...view])}R`
}

/** What a file is made of; whatever is left out is that of a small classifier. */
export interface ScriptFile {
  /** Statements of forward, before its result. */
  body?: string
  /** More definitions in front of the model's class. */
  definitions?: string
  /** Lines of the model's class. */
  members?: string
  /** Attributes of the model beside its weights. */
  attributes?: Record<string, string>
  /** Instead of the whole pickle. */
  pickle?: string
  version?: string
  entries?: readonly ZipEntry[]
  prefix?: string
  isCompressed?: boolean
}

/** A classifier of the pixels' means, of 3 channels into 5 classes. */
export function scriptFile(file: ScriptFile = {}): Buffer {
  const indented = (lines: string, by: string) => lines.replace(/^(?=.)/gm, by)
  const code = `${file.definitions ?? ''}class Net(Module):
  __parameters__ = ["w", ]
  __buffers__ = []
  w : Tensor
  training : bool
${indented(file.members ?? '', '  ')}
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    y = torch.mean(torch.relu(x), [2, 3])
${indented(file.body ?? '', '    ')}
    return torch.matmul(y, self.w)
`
  const weights = Buffer.from(Float32Array.from({ length: 15 }, (_, i) => (i - 7) / 8).buffer)
  const model = object('Net', { w: tensor('0', [3, 5]), training: yes, ...file.attributes })
  return zip(
    [
      { name: 'm/data/0', data: weights },
      { name: 'm/data.pkl', data: file.pickle ?? `\x80\x02${model}.` },
      { name: 'm/code/__torch__.py', data: code, isCompressed: file.isCompressed ?? false },
      { name: 'm/constants.pkl', data: '\x80\x02).' },
      { name: 'm/version', data: file.version ?? '3\n' },
      ...(file.entries ?? []),
    ],
    file.prefix,
  )
}

/** A folder for such files, which goes away with the process. */
export class ScriptFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'iba-scripts-'))
  #count = 0

  constructor() {
    process.once('exit', () => rmSync(this.path, { recursive: true, force: true }))
  }

  /** Writes a file and gives its path. */
  write(file: ScriptFile): string {
    return this.writeBytes(scriptFile(file))
  }

  writeBytes(bytes: Uint8Array): string {
    const path = join(this.path, `${this.#count++}.pt`)
    writeFileSync(path, bytes)
    return path
  }
}
