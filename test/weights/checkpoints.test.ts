import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Model } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { type NamedTensor, testing, writeSafetensors } from '../../scripts/testing/module.js'
import { iba } from '../support/command.js'
import { makeModels, testWithModels } from '../support/imported-models.js'
import { noiseImage, smallModel } from '../support/small-model.js'

// How state dicts are found and what is never executed is tested in native/test/weights.

const folder = mkdtempSync(join(tmpdir(), 'iba-checkpoints-'))
const plain = join(folder, 'plain.safetensors')
let tensors: NamedTensor[]
let expected: number[]

test.before(async () => {
  const trained = join(folder, 'trained.safetensors')
  const trainer = testing().createTrainer({ architecture: 'resnet18', classes: 10, width: 8, seed: 0 })
  testing().saveTrained({ trainer, path: trained })
  tensors = (await addon().readWeightFile({ path: trained })).tensors
  write('plain', tensors)
  expected = await logitsOf(await smallModel({ weights: plain }))
})
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

async function logitsOf(model: Model): Promise<number[]> {
  const [logits] = await model.logits(noiseImage())
  model.dispose()
  return [...logits!]
}

function write(name: string, content: readonly NamedTensor[]): string {
  const path = join(folder, `${name}.safetensors`)
  writeSafetensors(path, content, {})
  return path
}

function under(prefix: string): NamedTensor[] {
  return tensors.map(({ name, ...tensor }) => ({ ...tensor, name: prefix + name }))
}

const extra = { name: 'criterion.weight', shape: [2], data: new Float32Array(2) }

test('the prefix of a safetensors file is taken off, and said', async t => {
  for (const prefix of ['module.', '_orig_mod.', 'model.', 'module.backbone.']) {
    const model = await smallModel({ weights: write('prefix', [...under(prefix), extra]) })
    t.deepEqual(model.notes, [
      `The weights are the names without '${prefix}' of the file.`,
      'Left out of the weights, as resnet18 has no such parts: criterion.weight.',
    ])
    t.deepEqual(await logitsOf(model), expected)
  }
  const model = await smallModel({ weights: plain })
  t.deepEqual(model.notes, [])
  model.dispose()
})

test('a tensor inside of a module, and one that is missing, are refused', async t => {
  const inside = { ...extra, name: 'layer1.2.conv1.weight' }
  await t.throwsAsync(smallModel({ weights: write('inside', [...tensors, inside]) }), {
    code: 'WEIGHTS',
    message: /Unknown \(1\): layer1\.2\.conv1\.weight/,
  })
  const less = under('module.').filter(({ name }) => name !== 'module.fc.bias')
  await t.throwsAsync(smallModel({ weights: write('less', [...less, extra]) }), {
    code: 'WEIGHTS',
    message: /Missing \(1\): fc\.bias\. Unknown \(1\): criterion\.weight/,
  })
})

test('commands say what they did to the names', async t => {
  const weights = write('command', under('module.'))
  const { stderr, code } = await iba(['layers', 'resnet18', '--weights', weights])
  t.is(code, 0)
  t.regex(stderr, /^iba: The weights are the names without 'module\.' of the file\.$/m)
})

testWithModels("checkpoints that Python's training scripts write give PyTorch's weights", async t => {
  const made = makeModels('make-checkpoints', [plain])
  const files = readdirSync(made)
  t.is(files.length, 16)
  for (const file of files) {
    const model = await smallModel({ weights: join(made, file) })
    t.deepEqual(await logitsOf(model), expected, file)
  }
})
