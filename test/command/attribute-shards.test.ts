import { existsSync } from 'node:fs'
import { appendFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { extract, pack } from 'tar-stream'
import { readNpy } from '../../lib/index.js'
import { ended, iba, makeFolder, network, startIba } from '../support/command.js'
import { picture } from '../support/server.js'

process.env.IBA_THREADS ??= '1'

const explain = ['attribute', '--method', 'gradient', '--batch', '1', '--no-image', '--quiet', ...network]

/** Writes archives of as many pictures each, with classes beside them; in place of some pictures stands what is none. */
async function writeShards(
  folder: string,
  sizes: readonly number[],
  broken: readonly string[] = [],
): Promise<void> {
  for (const [shard, size] of sizes.entries()) {
    const archive = pack()
    for (let i = 0; i < size; i++) {
      const key = `${shard}/photo.${i}`
      archive.entry(
        { name: `${key}.jpg` },
        broken.includes(key) ? 'no picture' : await picture(shard * 100 + i),
      )
      archive.entry({ name: `${key}.cls` }, '3')
    }
    archive.finalize()
    const pieces: Buffer[] = []
    for await (const piece of archive) pieces.push(piece as Buffer)
    await writeFile(join(folder, `in-${shard}.tar`), Buffer.concat(pieces))
  }
}

async function entriesOf(path: string): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>()
  const archive = extract()
  archive.end(await readFile(path))
  for await (const entry of archive) {
    const pieces: Buffer[] = []
    for await (const piece of entry) pieces.push(piece as Buffer)
    entries.set(entry.header.name, Buffer.concat(pieces))
  }
  return entries
}

test('archives give archives of maps with a record each, split over processes, and an index', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  await writeShards(folder, [2, 1, 2])
  const words = [...explain, 'in-{0..2}.tar', '--out', 'maps']
  for (const RANK of ['0', '1']) {
    const { code, stderr } = await iba(words, { cwd: folder, env: { RANK, WORLD_SIZE: '2' } })
    t.is(code, 0, stderr)
    if (RANK === '1') break
    t.deepEqual((await readdir(join(folder, 'maps'))).sort(), [
      'in-0.jsonl',
      'in-0.tar',
      'in-2.jsonl',
      'in-2.tar',
    ])
    const early = await iba(['attribute', 'merge', 'maps'], { cwd: folder })
    t.is(early.code, 1)
    t.regex(early.stderr, /1 shard of 3 is missing, the first at position 1/)
  }
  const entries = await entriesOf(join(folder, 'maps', 'in-0.tar'))
  t.deepEqual([...entries.keys()], ['0/photo.0.npy', '0/photo.0.json', '0/photo.1.npy', '0/photo.1.json'])
  await writeFile(join(folder, 'map.npy'), entries.get('0/photo.0.npy')!)
  const { shape } = await readNpy(join(folder, 'map.npy'))
  t.deepEqual(shape, [64, 64])
  const merged = await iba(['attribute', 'merge', 'maps'], { cwd: folder })
  t.is(merged.code, 0, merged.stderr)
  t.is(merged.stdout, 'maps/index.jsonl: 5 images of 3 shards\n')
  const lines = (await readFile(join(folder, 'maps', 'index.jsonl'), 'utf8')).trim().split('\n')
  const records = lines.map(line => JSON.parse(line))
  t.deepEqual(
    records.map(({ shard, key }) => [shard, key]),
    [
      ['in-0', '0/photo.0'],
      ['in-0', '0/photo.1'],
      ['in-1', '1/photo.0'],
      ['in-2', '2/photo.0'],
      ['in-2', '2/photo.1'],
    ],
  )
  const { shard: _, ...first } = records[0]
  t.deepEqual(JSON.parse(entries.get('0/photo.0.json')!.toString()), first)
})

test('a run that was killed goes on, and ends with the same bytes', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  await writeShards(folder, [12, 2])
  const words = [...explain, 'in-0.tar', 'in-1.tar', '--out']
  t.is((await iba([...words, 'whole'], { cwd: folder })).code, 0)
  const child = startIba([...words, 'killed'], { cwd: folder })
  const end = ended(child)
  const unfinished = join(folder, 'killed', 'in-0.jsonl.part')
  const written = async () => (await readFile(unfinished, 'utf8').catch(() => '')).split('\n').length
  while ((await written()) < 4 && child.exitCode === null)
    await new Promise(resolve => setTimeout(resolve, 2))
  child.kill('SIGKILL')
  await end
  t.true(existsSync(unfinished))
  const kept = (await written()) - 1
  // As if the process had died while it wrote, too.
  await appendFile(unfinished, '{"key":"0/pho')
  await appendFile(join(folder, 'killed', 'in-0.tar.part'), 'half an image')
  const again = await iba([...words, 'killed'], { cwd: folder })
  t.is(again.code, 0, again.stderr)
  t.true(kept >= 3)
  for (const name of ['in-0.tar', 'in-1.tar', 'in-0.jsonl', 'in-1.jsonl']) {
    const [one, other] = await Promise.all(['whole', 'killed'].map(out => readFile(join(folder, out, name))))
    t.true(one!.equals(other!), name)
  }
  t.is((await readdir(join(folder, 'killed'))).length, 4)
})

test('an image and an archive that are broken are told, and hold up no others', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  await writeShards(folder, [3, 2, 1], ['0/photo.1', '0/photo.2'])
  await truncate(join(folder, 'in-1.tar'), 5000)
  const { code, stderr } = await iba([...explain, 'in-{0..2}.tar', '--out', 'maps'], { cwd: folder })
  t.is(code, 1)
  t.regex(stderr, /in-0\.tar:0\/photo\.1: Can't decode/)
  t.regex(stderr, /Can't read the archive 'in-1\.tar'/)
  t.regex(stderr, /2 of \d+ images failed, and 1 archive could not be read to the end/)
  t.deepEqual(
    [...(await entriesOf(join(folder, 'maps', 'in-0.tar'))).keys()],
    ['0/photo.0.npy', '0/photo.0.json', '0/photo.1.json', '0/photo.2.json'],
  )
  t.true(existsSync(join(folder, 'maps', 'in-2.tar')))
  const merged = await iba(['attribute', 'merge', 'maps'], { cwd: folder })
  t.is(merged.code, 1)
  t.regex(merged.stderr, /1 shard is not done, such as in-1/)
})

test('results of other settings are not mixed, and inputs are checked', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  await writeShards(folder, [1])
  const words = [...explain, 'in-0.tar', '--out', 'maps']
  t.is((await iba(words, { cwd: folder })).code, 0)
  t.is((await iba(words, { cwd: folder })).code, 0)
  const refused = async (more: readonly string[], message: RegExp) => {
    const { code, stderr } = await iba([...explain, ...more], { cwd: folder })
    t.is(code, 2, stderr)
    t.regex(stderr, message)
  }
  await refused(
    ['in-0.tar', '--out', 'maps', '--target', '3'],
    /results of another network, other settings or other shards/,
  )
  await refused(['in-0.tar', 'photo.jpg'], /'photo\.jpg' is no archive, but others are/)
  await refused(['in-0.tar', './in-0.tar'], /Two archives are called 'in-0'/)
  const merge = await iba(['attribute', 'merge', '.'], { cwd: folder })
  t.is(merge.code, 2)
  t.regex(merge.stderr, /holds no results of shards/)
})
