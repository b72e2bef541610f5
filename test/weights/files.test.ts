import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
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

for (const [name, content] of Object.entries(expected)) {
  test(`reads ${name} as PyTorch does`, async t => {
    const file = await addon().readWeightFile({ path: join(fixtures, name) })
    t.is(file.format, content.format)
    t.deepEqual({ ...file.metadata }, content.metadata)
    t.deepEqual(
      file.tensors.map(({ name, dtype, shape, data }) => [name, dtype, [...shape], Array.from(data)]),
      content.tensors.map(({ name, dtype, shape, data }) => [name, dtype, shape, data.map(Math.fround)]),
    )
  })
}

// Hostile files are tested in native/test/weights.
test('what is no weight file is refused, by its name', async t => {
  const text = join(folder, 'text.weights')
  writeFileSync(text, 'hello, world')
  const refusals: [string, RegExp][] = [
    [text, /^'.*text\.weights': this is not a weight file: expected safetensors or what torch.save writes/],
    [folder, /not a regular file/],
    [join(folder, 'none'), /No such file/],
  ]
  for (const [path, message] of refusals) {
    await t.throwsAsync(addon().readWeightFile({ path }), { code: 'WEIGHTS', message })
  }
})
