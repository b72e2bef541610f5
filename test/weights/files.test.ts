import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { addon } from '../../lib/native/addon.js'

interface Expected {
  format: string
  metadata: Record<string, string>
  tensors: { name: string; dtype: string; shape: number[]; data: number[] }[]
}

const fixtures = fileURLToPath(new URL('../../../test/fixtures/weights/', import.meta.url))
const expected: Record<string, Expected> = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'iba-weights-'))
test.after.always(() => rmSync(folder, { recursive: true }))

let files = 0
function read(content: Uint8Array, name = `${files++}.weights`) {
  const path = join(folder, name)
  writeFileSync(path, content)
  return addon().readWeightFile(path)
}

async function refuses(t: ExecutionContext, content: Uint8Array, message: RegExp, title: string) {
  const error = await t.throwsAsync(read(content), { code: 'WEIGHTS' }, title)
  t.regex(error.message, message, title)
  t.regex(error.message, /^'.*\.weights': /, 'the message names the file')
}

// A pickle is written as its instructions, each a piece of bytes.

type Piece = string | Uint8Array | Piece[]

function bytes(...pieces: Piece[]): Buffer {
  return Buffer.concat(
    pieces.map(piece => {
      if (typeof piece === 'string') return Buffer.from(piece, 'latin1')
      return Array.isArray(piece) ? bytes(...piece) : piece
    }),
  )
}

function uint(value: number | bigint, size: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)))
  return out.subarray(0, size)
}

const text = (value: string): Piece => ['X', uint(Buffer.byteLength(value), 4), Buffer.from(value)]
const int = (value: number | bigint): Piece => ['\x8a\x08', uint(value, 8)]
const global = (module: string, name: string): Piece => `c${module}\n${name}\n`
const tuple = (...items: Piece[]): Piece => ['(', ...items, 't']
const dict = (entries: Record<string, Piece>): Piece => [
  '}(',
  ...Object.entries(entries).map(([key, value]): Piece => [text(key), value]),
  'u',
]
const pickle = (value: Piece) => bytes('\x80\x02', value, '.')
const storage = (count: number | bigint, key = '0', type = 'FloatStorage'): Piece => [
  tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(count)),
  'Q',
]

interface View {
  storage?: Piece
  offset?: number | bigint
  shape?: (number | bigint)[]
  strides?: (number | bigint)[]
}

/** A tensor of a storage of four elements, unless told otherwise. */
function tensor({
  storage: of = storage(4),
  offset = 0,
  shape = [2, 2],
  strides = [2, 1],
}: View = {}): Piece {
  const fields = tuple(of, int(offset), tuple(...shape.map(int)), tuple(...strides.map(int)), '\x89', '}')
  return [global('torch._utils', '_rebuild_tensor_v2'), fields, 'R']
}

const four = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer)

/** A stream of PyTorch before 1.6. */
function legacy(value: Piece, { keys = ['0'], counts = [4], data = four, littleEndian = true } = {}): Buffer {
  const magic = Uint8Array.of(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19)
  const system = dict({ little_endian: littleEndian ? '\x88' : '\x89' })
  const list: Piece = ['](', ...keys.map(text), 'e']
  const storages = counts.map((count): Piece => [uint(count, 8), data])
  return bytes(pickle(magic), pickle(int(1001)), pickle(system), pickle(value), pickle(list), ...storages)
}

interface ZipEntry {
  data: Uint8Array
  method?: number
  offset?: number
  size?: number
  extra?: Uint8Array
}

function zip(entries: [string, ZipEntry][], end: { offset?: number; count?: number } = {}): Buffer {
  const local: Buffer[] = []
  const directory: Buffer[] = []
  let position = 0
  for (const [
    name,
    { data, method = 0, offset = position, size = data.length, extra = bytes() },
  ] of entries) {
    const sizes = [uint(size, 4), uint(size, 4), uint(name.length, 2)]
    local.push(bytes('PK\x03\x04', uint(0, 4), uint(method, 2), uint(0, 8), ...sizes, uint(0, 2), name, data))
    directory.push(bytes('PK\x01\x02', uint(0, 6), uint(method, 2), uint(0, 8), ...sizes))
    directory.push(bytes(uint(extra.length, 2), uint(0, 8), uint(0, 2), uint(offset, 4), name, extra))
    position += local.at(-1)!.length
  }
  const size = bytes(...directory).length
  const counts = [uint(end.count ?? entries.length, 2), uint(end.count ?? entries.length, 2)]
  const last = bytes('PK\x05\x06', uint(0, 4), ...counts, uint(size, 4), uint(end.offset ?? position, 4))
  return bytes(...local, ...directory, last, uint(0, 2))
}

/** What torch.save writes since PyTorch 1.6. */
function archive(value: Piece, records: Record<string, ZipEntry> = { '0': { data: four } }): Buffer {
  const entries = Object.entries(records).map(([key, entry]): [string, ZipEntry] => [`a/data/${key}`, entry])
  return zip([['a/data.pkl', { data: pickle(value) }], ...entries])
}

function safetensors(header: unknown, data: Uint8Array = four, size?: bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  return bytes(uint(size ?? json.length, 8), json, data)
}

for (const [name, content] of Object.entries(expected)) {
  test(`reads ${name} as PyTorch does`, async t => {
    const file = await addon().readWeightFile(join(fixtures, name))
    t.is(file.format, content.format)
    t.deepEqual({ ...file.metadata }, content.metadata)
    t.deepEqual(
      file.tensors.map(({ name, dtype, shape, data }) => [name, dtype, [...shape], Array.from(data)]),
      content.tensors.map(({ name, dtype, shape, data }) => [name, dtype, shape, data.map(Math.fround)]),
    )
  })
}

test('the files that these tests build are read when nothing is wrong with them', async t => {
  const header = { w: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] } }
  const zip64 = bytes(uint(1, 2), uint(16, 2), uint(16, 8), uint(16, 8))
  const contents = [
    legacy(dict({ w: tensor() })),
    archive(dict({ w: tensor() })),
    archive(dict({ w: tensor() }), { '0': { data: four, size: 0xffffffff, extra: zip64 } }),
    safetensors(header),
  ]
  for (const content of contents) {
    const { tensors } = await read(content)
    t.deepEqual(
      tensors.map(({ name, data }) => [name, ...data]),
      [['w', 1, 2, 3, 4]],
    )
  }
})

test('safetensors files are written so that they are read back, and nothing else is left', async t => {
  const path = join(folder, 'written.safetensors')
  const tensors = [
    { name: 'b "quoted" \n é', shape: [2, 2], data: new Float32Array([1, -2, 0.5, 3e38]) },
    { name: 'a', shape: [], data: new Float32Array([7]) },
    { name: 'none', shape: [0, 3], data: new Float32Array() },
  ]
  await addon().writeSafetensors(path, tensors, { layer: 'features.17', 'ü\\': '\t' })
  const file = await addon().readWeightFile(path)
  t.deepEqual({ ...file.metadata }, { layer: 'features.17', 'ü\\': '\t' })
  t.deepEqual(
    file.tensors.map(({ name, shape, data }) => ({ name, shape: [...shape], data: new Float32Array(data) })),
    tensors,
  )
  await t.throwsAsync(addon().writeSafetensors(join(folder, 'absent', 'x'), tensors, {}), { code: 'WEIGHTS' })
  await t.throwsAsync(addon().writeSafetensors(path, [tensors[0]!, tensors[0]!], {}), { code: 'WEIGHTS' })
  t.is((await addon().readWeightFile(path)).tensors.length, 3, 'a failed write leaves the file as it was')
  t.deepEqual(
    readdirSync(folder).filter(name => name.includes('tmp')),
    [],
  )
})

test('what is no weight file is refused', async t => {
  await refuses(t, bytes(), /not a weight file: expected safetensors or what torch.save writes/, 'empty')
  await refuses(t, bytes('hello, world'), /not a weight file/, 'text')
  await refuses(t, pickle(dict({})), /not a weight file/, 'a plain pickle')
  await refuses(t, archive(dict({ epoch: int(3) })), /holds no tensors/, 'no tensors')
  await refuses(t, archive(tensor()), /not a dict; expected a dict of tensors/, 'one tensor')
  await refuses(t, archive([dict({ w: tensor() }), text('w'), tensor(), 's']), /'w' is there twice/, 'twice')
  await refuses(t, zip([['a/model.json', { data: four }]]), /no data.pkl/, 'another zip archive')
  const names = ['data.pkl', 'constants.pkl', 'code/a.py']
  const script = names.map((name): [string, ZipEntry] => [`a/${name}`, { data: four, method: 8 }])
  await refuses(t, zip(script), /is a TorchScript file/, 'TorchScript')
  await t.throwsAsync(addon().readWeightFile(folder), { code: 'WEIGHTS', message: /not a regular file/ })
  await t.throwsAsync(addon().readWeightFile(join(folder, 'none')), {
    code: 'WEIGHTS',
    message: /No such file/,
  })
})

test('a pickle can call nothing', async t => {
  const touched = join(folder, 'touched')
  const system = global('posix', 'system')
  const stackGlobal: Piece = [text('posix'), text('system'), '\x93']
  const argument = tuple(text(`touch ${touched}`))
  const refused = /refers to posix\.system, which is not allowed in a weight file/
  const hostile: Record<string, Piece> = {
    REDUCE: [system, argument, 'R'],
    NEWOBJ: [system, argument, '\x81'],
    BUILD: [system, dict({}), 'b'],
    'REDUCE of STACK_GLOBAL': [stackGlobal, argument, 'R'],
    'an element of a list': [']', system, 'a'],
    'an element of a tuple': tuple(system),
    'a key': ['}', system, 'Ns'],
    'a kind of storage': [tuple(text('storage'), system, text('0'), text('cpu'), int(4)), 'Q'],
  }
  for (const [title, value] of Object.entries(hostile)) {
    await refuses(t, archive(dict({ w: tensor(), x: value })), refused, title)
    await refuses(t, legacy(dict({ w: tensor(), x: value })), refused, title)
  }
  const instance: Piece = [`(iposix\nsystem\n`]
  await refuses(t, archive(dict({ x: instance })), /instruction 0x69/, 'INST')
  const { tensors } = await read(archive(dict({ w: tensor(), class: system })))
  t.is(tensors.length, 1, 'a class that is only named is passed over')
  t.false(existsSync(touched))
})

test('tensors stay within their storages', async t => {
  const huge = 2n ** 62n
  const outside = /takes .* elements from offset .* of a storage that has 4/
  const cases: [string, View, RegExp][] = [
    ['too large', { shape: [5], strides: [1] }, outside],
    ['offset too large', { offset: 1 }, outside],
    ['negative offset', { offset: -1 }, outside],
    ['stride too large', { strides: [3, 1] }, outside],
    ['huge offset', { offset: 2n ** 63n - 1n }, outside],
    ['empty at a huge offset', { offset: huge, shape: [0], strides: [1] }, outside],
    ['negative stride', { strides: [-1, 1], offset: 3 }, /stride -1, which is out of range/],
    ['overflowing strides', { strides: [2n ** 63n - 1n, 2n ** 63n - 1n] }, /out of range/],
    ['negative size', { shape: [-2, -2] }, /negative size -2/],
    ['overflowing shape', { shape: [2n ** 32n, 2n ** 32n] }, /more than 2\^33 elements/],
    ['overflow hidden by a zero', { shape: [0, huge, huge], strides: [1, 1, 1] }, /more than 2\^33/],
    ['expanded without end', { shape: [2n ** 33n], strides: [0] }, /far more memory/],
    ['strides missing', { strides: [1] }, /not as many strides/],
    ['65 dimensions', { shape: Array(65).fill(1), strides: Array(65).fill(1) }, /at most 64/],
    ['huge storage', { storage: storage(huge) }, /claims \d+ elements, more than the file holds/],
    ['negative storage', { storage: storage(-1) }, /description of a tensor storage is damaged/],
    ['unknown kind', { storage: storage(4, '0', 'QInt8Storage') }, /refers to torch.QInt8Storage/],
  ]
  for (const [title, view, message] of cases) {
    await refuses(t, archive(dict({ w: tensor(view) })), message, title)
    await refuses(t, legacy(dict({ w: tensor(view) })), message, title)
  }
  const part = (offset: number, size: number): Piece => {
    const view = tuple(text('view'), int(offset), int(size))
    return [
      tuple(text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), int(4), view),
      'Q',
    ]
  }
  const inPart = (offset: number, size: number) => {
    return legacy(dict({ w: tensor({ storage: part(offset, size), shape: [2], strides: [1] }) }))
  }
  t.deepEqual(Array.from((await read(inPart(1, 2))).tensors[0]!.data), [2, 3])
  await refuses(t, inPart(3, 2), /view of the tensor storage '0' lies outside/, 'a part outside')
  await refuses(t, inPart(3, 1), /of a storage that has 1/, 'outside of the part')
  const expanded = await read(archive(dict({ w: tensor({ shape: [3, 2], strides: [0, 1], offset: 2 }) })))
  t.deepEqual(Array.from(expanded.tensors[0]!.data), [3, 4, 3, 4, 3, 4])
})

test('storages are as long as the file says', async t => {
  const value = dict({ w: tensor() })
  await refuses(t, archive(value, { '0': { data: four.subarray(4) } }), /has 12 bytes, expected 16/, 'short')
  await refuses(t, archive(value, {}), /no entry 'a\/data\/0'/, 'missing')
  const twice = dict({ v: tensor(), w: tensor({ storage: storage(2) }) })
  await refuses(t, archive(twice), /described in two different ways/, 'two lengths')
  await refuses(t, legacy(value, { data: four.subarray(4) }), /ends too early/, 'short')
  await refuses(t, legacy(value, { counts: [3] }), /has 3 elements, expected 4/, 'another length')
  await refuses(t, legacy(value, { keys: [], counts: [] }), /has 0 of them, expected 1/, 'missing')
  await refuses(t, legacy(value, { keys: ['0', '0'], counts: [4, 4] }), /or one twice/, 'twice')
  await refuses(t, legacy(value, { keys: ['1'] }), /not in the pickle/, 'another key')
  await refuses(t, legacy(value, { littleEndian: false }), /big-endian/, 'byte order')
})

test('zip entries stay within the archive', async t => {
  const value = dict({ w: tensor() })
  const zip64 = (size: bigint) => bytes(uint(1, 2), uint(16, 2), uint(size, 8), uint(size, 8))
  const extreme = { data: four, size: 0xffffffff, extra: zip64(2n ** 64n - 1n) }
  await refuses(
    t,
    archive(value, { '0': { data: four, offset: 0xfffffff0 } }),
    /outside of the zip/,
    'offset',
  )
  await refuses(t, archive(value, { '0': { data: four, offset: 1 } }), /has no header/, 'no header')
  await refuses(t, archive(value, { '0': { data: four, size: 1000 } }), /outside of the zip/, 'size')
  await refuses(t, archive(value, { '0': extreme }), /outside of the zip/, '64-bit size')
  await refuses(t, archive(value, { '0': { data: four, method: 8 } }), /compressed or encrypted/, 'method')
  const entry: [string, ZipEntry] = ['a/data.pkl', { data: pickle(value) }]
  await refuses(t, zip([entry, entry]), /'a\/data.pkl' twice/, 'twice')
  await refuses(t, zip([entry, ['b/data.pkl', entry[1]]]), /more than one data.pkl/, 'two pickles')
  await refuses(t, zip([entry], { offset: 0xfffffff0 }), /lies outside of the file/, 'directory')
  await refuses(t, zip([entry], { count: 2 }), /directory of the zip archive ends too early/, 'count')
})

test('pickles that nest, loop or multiply end in an error, or soon', async t => {
  const deep = 200_000
  const beside = (value: Piece) => archive(dict({ w: tensor(), x: value }))
  const nested: Record<string, Piece> = {
    lists: [']'.repeat(deep), 'a'.repeat(deep - 1)],
    tuples: [')', '\x85'.repeat(deep)],
    dicts: ['}', 'K\x00}'.repeat(deep), 's'.repeat(deep)],
  }
  for (const [title, value] of Object.entries(nested)) {
    await refuses(t, beside(value), /nested more than 100 deep/, title)
    await refuses(t, legacy(dict({ w: tensor(), x: value })), /nested more than 100 deep/, title)
  }
  await refuses(t, archive(['('.repeat(deep), ']'.repeat(deep)]), /is not a dict/, 'unfinished')
  await refuses(t, beside(']q\x00h\x00a'), /contains itself/, 'a list in itself')
  await refuses(t, beside('}q\x00K\x00h\x00s'), /contains itself/, 'a dict in itself')
  await refuses(t, beside(']q\x00]q\x01h\x00aa'), /contains itself/, 'a loop of two')

  const doubling = Array.from({ length: 90 }, (_, i) => {
    const index = String.fromCharCode(i)
    return `q${index}0](h${index}h${index}e`
  })
  t.is((await read(beside([']', ...doubling]))).tensors.length, 1, '2^90 paths are not walked one by one')

  const pairs: Piece = ['](', 'NN\x86'.repeat(20_000), 'eq\x00']
  const copies: Piece = Array(5_000).fill(bytes('0', global('collections', 'OrderedDict'), 'h\x00\x85R'))
  await refuses(t, beside([pairs, copies]), /far more memory/, 'copies of a list')
  const broken = { stack: '0000', mark: 't', memo: 'h\x07', protocol: '\x80\x09', persistent: 'NQ' }
  for (const [title, value] of Object.entries(broken)) {
    await refuses(t, archive([value, 'N']), /damaged|not stored|newer than 5|outside/, title)
  }
})

test('a safetensors header must describe exactly what follows', async t => {
  const w = { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] }
  const deep = `{"w":${'['.repeat(200_000)}`
  const cases: [string, Uint8Array, RegExp][] = [
    ['2^63 bytes', safetensors({ w }, four, 2n ** 63n), /claims 9223372036854775808 bytes/],
    ['longer than the file', safetensors({ w }, four, 1000n), /claims 1000 bytes, expected at most/],
    ['cut short', safetensors({ w }, four, 20n), /not the JSON of a safetensors file/],
    ['deep nesting', safetensors(deep), /expected '\{' at byte 5/],
    ['rubbish behind', safetensors(`${JSON.stringify({ w })}}`), /expected the end/],
    ['twice', safetensors(`{"w":${JSON.stringify(w)},"w":${JSON.stringify(w)}}`), /'w' is described twice/],
    ['overlap', safetensors({ w, v: w }), /must not overlap/],
    ['gap', safetensors({ w: { ...w, shape: [3], data_offsets: [4, 16] } }), /nor leave gaps/],
    ['unused bytes', safetensors({ w: { ...w, shape: [3], data_offsets: [0, 12] } }), /16 bytes follow/],
    ['outside', safetensors({ w: { ...w, shape: [5], data_offsets: [0, 20] } }), /lies at bytes 0 to 20/],
    ['reversed', safetensors({ w: { ...w, data_offsets: [16, 0] } }), /lies at bytes 16 to 0/],
    ['other length', safetensors({ w: { ...w, shape: [3] } }), /expected 12 bytes/],
    ['overflow', safetensors({ w: { ...w, shape: [2 ** 40, 2 ** 40] } }), /more than 2\^33/],
    ['negative', safetensors({ w: { ...w, shape: [-1] } }), /integer that is not negative/],
    ['2^64', safetensors(`{"w":{"shape":[18446744073709551616]}}`), /number below 2\^63/],
    ['type', safetensors({ w: { ...w, dtype: 'F8' } }), /has the type 'F8', expected F64/],
    ['field', safetensors({ w: { ...w, colour: 1 } }), /unexpected field 'colour'/],
    ['missing', safetensors({ w: { dtype: 'F32' } }), /needs a dtype, a shape and two data_offsets/],
    ['metadata', safetensors({ w, __metadata__: { a: 1 } }), /expected '"'/],
    ['not UTF-8', safetensors('{"\\ud800":{}}'), /surrogate pair/],
  ]
  for (const [title, content, message] of cases) await refuses(t, content, message, title)
})

test('a file that was cut short is refused wherever it was cut', async t => {
  for (const name of Object.keys(expected)) {
    const content = readFileSync(join(fixtures, name))
    for (let length = 0; length < content.length; length += length < 64 ? 1 : 13) {
      await t.throwsAsync(
        read(content.subarray(0, length), 'cut.weights'),
        { code: 'WEIGHTS' },
        `${name} ${length}`,
      )
    }
  }
})

/** A small generator of numbers from 0 to `below` that gives the same ones in each run. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

function mutate(content: Buffer, other: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(content)
  const at = random(copy.length)
  const extremes = [0n, 1n, -1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n]
  switch (random(5)) {
    case 0:
      copy[at]! ^= 1 << random(8)
      return copy
    case 1:
      return copy.subarray(0, at)
    case 2:
      return Buffer.concat([copy.subarray(0, at), other.subarray(random(other.length))])
    case 3: {
      const from = random(other.length)
      other.copy(copy, at, from, from + random(64))
      return copy
    }
    default: {
      const size = 2 ** random(4)
      uint(extremes[random(extremes.length)]!, size).copy(copy, at)
      return copy
    }
  }
}

test('thousands of damaged files are read or refused, in bounded memory', async t => {
  const random = generator(20_260)
  const contents = Object.keys(expected).map(name => readFileSync(join(fixtures, name)))
  const before = process.memoryUsage.rss()
  let refused = 0
  for (let i = 0; i < 4000; ++i) {
    let content: Buffer = contents[i % contents.length]!
    for (let steps = 1 + random(3); steps > 0 && content.length > 0; --steps)
      content = mutate(content, contents[random(contents.length)]!, random)
    try {
      await read(content, 'damaged.weights')
    } catch (error) {
      if ((error as { code?: string }).code !== 'WEIGHTS') throw error
      ++refused
    }
  }
  t.true(refused > 1000 && refused < 4000, `${refused} files were refused`)
  t.true(process.memoryUsage.rss() - before < 512 * 2 ** 20, 'memory')
})
