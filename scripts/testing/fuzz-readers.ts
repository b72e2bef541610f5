// Gives damaged files to a reader of the library that is written in TypeScript, for some seconds:
// `node dist/scripts/testing/fuzz-readers.js NAME SECONDS`. Without a name it lists them. Only typed errors may come of
// it; what else comes is kept in build/fuzz/found, and the exit code is 1.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readBoxes } from '../../lib/datasets/boxes.js'
import { readClasses } from '../../lib/datasets/classes.js'
import { readResult } from '../../lib/evaluation/runs/result-file.js'
import { AttributionError } from '../../lib/foundation/errors.js'
import { randomIntegers } from '../../lib/foundation/random.js'
import { readNpy } from '../../lib/images/npy.js'
import { readLog } from '../../lib/training/json-log.js'
import { readListFile } from '../../lib/training/list-file.js'
import { openShards } from '../../lib/training/shards.js'
import { buildFolder } from '../setup/paths.mjs'

interface Reader {
  /** What its files end with. */
  ending: string
  seeds: readonly Buffer[]
  read(path: string): Promise<unknown>
}

const slowestRead = 10_000
const mostMemory = 1024 * 2 ** 20

/** A tar archive of one entry for each file. */
function tar(files: Record<string, string>): Buffer {
  const entries = Object.entries(files).map(([name, content]) => {
    const header = Buffer.alloc(512)
    const field = (text: string, at: number) => header.write(text, at, 'latin1')
    field(name, 0)
    field('0000644\0', 100)
    field(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
    field('        0ustar\x0000', 148)
    const sum = header.reduce((total, byte) => total + byte, 0)
    field(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return Buffer.concat([header, Buffer.from(content.padEnd(512, '\0'))])
  })
  return Buffer.concat([...entries, Buffer.alloc(1024)])
}

function npy(type: string, shape: string, bytes: number, version = 1): Buffer {
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117)
  const size = Buffer.alloc(version === 1 ? 2 : 4)
  size.writeUIntLE(header.length + 1, 0, size.length)
  const preamble = Buffer.from(`\x93NUMPY${String.fromCharCode(version, 0)}`, 'latin1')
  return Buffer.concat([preamble, size, Buffer.from(`${header}\n`), Buffer.alloc(bytes)])
}

async function readShards(path: string): Promise<void> {
  const shards = await openShards(path, 2)
  const options = { epoch: 0, seed: 0, batch: 1, skip: 0, share: { rank: 0, processes: 1 } }
  for await (const _ of shards.batches(options));
}

const text = (...contents: string[]) => contents.map(content => Buffer.from(content))

const readers: Record<string, Reader> = {
  npy: {
    ending: '.npy',
    seeds: [npy('<f4', '2, 3', 24), npy('|u1', '3, 2, 2', 12, 2), npy('<f8', '', 8, 3), npy('<f4', '0,', 0)],
    read: readNpy,
  },
  lists: { ending: '.txt', seeds: text('a.jpg 1\n"b c.png", 20\r\n\n', 'x 0'), read: readListFile },
  classes: {
    ending: '.txt',
    seeds: text('n01440764 tench, Tinca tinca\nn01443537 goldfish\n', 'a\nb'),
    read: readClasses,
  },
  'classes-json': {
    ending: '.json',
    seeds: text(
      '{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}',
      '[{"index": 0, "synset": "n01440764", "name": "tench"}]',
    ),
    read: readClasses,
  },
  annotations: {
    ending: '.xml',
    seeds: text(
      '<annotation><size><width>9</width><height>8</height></size><object><bndbox><xmin>1</xmin><ymin>2</ymin>' +
        '<xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>',
    ),
    read: readBoxes,
  },
  archives: {
    ending: '.tar',
    seeds: [tar({ 'a.jpg': 'pixels', 'a.cls': '3' }), tar({ 'b.png': 'x', 'b.cls': '12\n' })],
    read: readShards,
  },
  results: {
    ending: '.json',
    seeds: text(
      '{"format":1,"kind":"degradation","protocol":"degradation","settings":{"patch":8},"records":[{"key":"a","scores":{"area":0.5}}]}',
    ),
    read: readResult,
  },
  logs: {
    ending: '.jsonl',
    seeds: text('{"time":"2024","kind":"interval","step":10,"loss":1}\n{"kind":"epoch","step":20}\n'),
    read: readLog,
  },
}

/** What damage tends to matter: brackets, quotes, ends of lines, numbers at the edges of types. */
const pieces = [
  ...[
    '',
    '\0',
    '\n',
    '\r\n',
    '"',
    "'",
    '\\',
    '[',
    ']',
    '{',
    '}',
    '(',
    ')',
    '<',
    '>',
    '&',
    ',',
    ':',
    '-',
    '.',
    '/',
  ],
  ...[
    'null',
    'true',
    '[]',
    '{}',
    '""',
    '0',
    '-1',
    '1e999',
    '2147483648',
    '9007199254740993',
    '99999999999999999999',
  ],
  ...[
    '__proto__',
    'constructor',
    '\ufeff',
    '\ud800',
    '\u2028',
    '../',
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    '&b;',
  ],
].map(piece => Buffer.from(piece))

class Mutations {
  readonly #below: (limit: number) => number
  readonly #seeds: readonly Buffer[]

  constructor(seeds: readonly Buffer[], seed: number) {
    this.#below = randomIntegers(seed)
    this.#seeds = seeds
  }

  /** A seed with one to four things wrong. */
  next(): Buffer {
    let content: Buffer = Buffer.from(this.#one(this.#seeds))
    for (let steps = 1 + this.#below(4); steps > 0; steps--) content = this.#damaged(content)
    return content
  }

  #one(choices: readonly Buffer[]): Buffer {
    return choices[this.#below(choices.length)]!
  }

  #damaged(content: Buffer): Buffer {
    const at = this.#below(content.length + 1)
    const until = Math.min(content.length, at + this.#below(17))
    const [before, part, after] = [
      content.subarray(0, at),
      content.subarray(at, until),
      content.subarray(until),
    ]
    switch (this.#below(6)) {
      case 0: {
        const changed = Buffer.from(content)
        if (at < content.length) changed[at]! ^= 1 << this.#below(8)
        return changed
      }
      case 1:
        return before
      case 2:
        return Buffer.concat([before, after])
      case 3:
        return Buffer.concat([before, ...Array<Buffer>(1 + this.#below(40)).fill(part), after])
      case 4:
        return Buffer.concat([before, this.#one(pieces), after])
      default:
        return Buffer.concat([before, this.#one(this.#seeds).subarray(this.#below(content.length + 1))])
    }
  }
}

/** Why an input is a find; undefined where its reader did as it should. */
async function problem(reader: Reader, path: string): Promise<string | undefined> {
  const begin = performance.now()
  try {
    await reader.read(path)
  } catch (error) {
    if (!(error instanceof AttributionError)) return error instanceof Error ? error.stack : String(error)
  }
  const milliseconds = performance.now() - begin
  if (milliseconds > slowestRead) return `it took ${Math.round(milliseconds)} ms`
  const memory = process.memoryUsage.rss()
  return memory > mostMemory ? `the process takes ${Math.round(memory / 2 ** 20)} MiB` : undefined
}

async function fuzz(name: string, reader: Reader, seconds: number, seed: number): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'iba-fuzz-'))
  const path = join(folder, `input${reader.ending}`)
  const mutations = new Mutations(reader.seeds, seed)
  const end = performance.now() + seconds * 1000
  let executions = 0
  try {
    for (; performance.now() < end; executions++) {
      const content = executions < reader.seeds.length ? reader.seeds[executions]! : mutations.next()
      writeFileSync(path, content)
      const why = await problem(reader, path)
      if (why === undefined) continue
      const kept = join(buildFolder, 'fuzz', 'found', `${name}-${seed}-${executions}${reader.ending}`)
      mkdirSync(join(buildFolder, 'fuzz', 'found'), { recursive: true })
      writeFileSync(kept, content)
      console.log(`${kept}: ${why}`)
      return false
    }
    return true
  } finally {
    rmSync(folder, { recursive: true, force: true })
    console.log(`${executions} executions`)
  }
}

const [name, seconds = '60', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2)
if (name === undefined) console.log(Object.keys(readers).join('\n'))
else process.exitCode = (await fuzz(name, readers[name]!, Number(seconds), Number(seed))) ? 0 : 1
