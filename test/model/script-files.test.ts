import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { ModelError, WeightsError } from '../../lib/index.js'
import { preamble, runChild } from '../support/child.js'
import { loadFile } from '../support/imported-models.js'
import {
  global,
  integer,
  no,
  object,
  type ScriptFile,
  ScriptFolder,
  scriptFile,
  tensor,
  text,
  yes,
} from '../support/script-files.js'

const folder = new ScriptFolder()
const load = (file: ScriptFile, signal?: AbortSignal) =>
  loadFile(folder.write(file), 8, signal ? { signal } : {})

/** A picture whose channels have these means. */
function picture(...means: readonly [number, number, number]) {
  return {
    data: Float32Array.from({ length: 192 }, (_, i) => means[Math.floor(i / 64)]!),
    shape: [3, 8, 8] as const,
  }
}

/** Its logits by the weights of `scriptFile`. */
const expected = (means: readonly number[]) =>
  [0, 1, 2, 3, 4].map(k => means.reduce((sum, mean, row) => sum + (mean * (row * 5 + k - 7)) / 8, 0))

const garbage = '\x80\x02((((((((\xff'

const loaded: Record<string, ScriptFile> = {
  'the plain file': {},
  'an empty loop, which the compiler leaves out': { body: 'for i in range(4611686018427387904):\n  pass' },
  'compressed code': { isCompressed: true },
  'a damaged debug record': { entries: [{ name: 'm/code/__torch__.py.debug_pkl', data: garbage }] },
  'records whose names differ in case': {
    entries: [
      { name: 'm/DATA.PKL', data: garbage },
      { name: 'M/data.pkl', data: garbage },
    ],
  },
  'a record of the format before 1.1': { entries: [{ name: 'm/model.json', data: '{"protoVersion": "6"}' }] },
  'a code record that nothing refers to': {
    entries: [{ name: 'm/code/__torch__/a.py', data: '# nothing\n' }],
  },
  'a type in the pickle that is nested 100,000 deep': {
    members: 'l : List[int]',
    attributes: {
      l: `${global('torch.jit._pickle', 'restore_type_tag')}(](${integer(1)}e${text(`${'List['.repeat(1e5)}int${']'.repeat(1e5)}`)}tR`,
    },
  },
  'a value stored under the number 2^32 - 1': { attributes: { training: `${yes}r\xff\xff\xff\xff` } },
  'lists, dicts, tuples, options and devices': {
    members:
      'l : List[Tensor]\nd : Dict[str, int]\nt : Tuple[int, str]\no : Optional[float]\np : Device\nu : Union[int, str]',
    attributes: {
      l: `](${tensor('0', [3, 5])}e`,
      d: `}(${text('a')}${integer(7)}u`,
      t: `(${integer(1)}${text('b')}t`,
      o: 'N',
      p: `${global('torch', 'device')}(${text('cuda:7')}tR`,
      u: text('c'),
    },
    body: 'y = torch.add(y, torch.sub(self.d["a"], 7))',
  },
}

for (const [name, file] of Object.entries(loaded)) {
  test(`loads: ${name}`, async t => {
    await using model = await load(file)
    const means = [0.5, 1, 2] as const
    const [logits] = await model.logits(picture(...means))
    t.deepEqual([...logits!], expected(means))
  })
}

/** A module whose state is set by code. */
const stateful = (body: string) => `class Evil(Module):
  training : bool
  def __setstate__(self: __torch__.Evil,
    state: int) -> NoneType:
${body.replace(/^/gm, '    ')}
    return None
`

/** Classes of which each holds the next twice. */
const doubling = Array.from({ length: 40 }, (_, i) =>
  i === 0
    ? 'class C0(Module):\n  a : int\n'
    : `class C${i}(Module):\n  a : __torch__.C${i - 1}\n  b : __torch__.C${i - 1}\n`,
).join('')
const doubled = Array.from({ length: 39 }, (_, i) => i + 1).reduce(
  (inner, i) =>
    object(`C${i}`, {
      a: `${inner}r${String.fromCharCode(i, 1, 0, 0)}`,
      b: `j${String.fromCharCode(i, 1, 0, 0)}`,
    }),
  object('C0', { a: integer(1) }),
)

const written = join(folder.path, 'written')
const refused: Record<string, [ScriptFile, RegExp]> = {
  'a class that sets its state by code': [
    { definitions: stateful(`x = torch.from_file("${written}", True, 16)`), members: 'e : __torch__.Evil' },
    /line \d+: the program defines '__setstate__'/,
  ],
  'code for the state that nothing refers to': [
    { entries: [{ name: 'm/code/__torch__/a.py', data: stateful('pass') }] },
    /defines '__setstate__'/,
  ],
  'an operator on files': [{ body: `torch.save(y, "${written}")` }, /calls the operator 'aten::save'/],
  'an operator on files in a branch that is never taken': [
    { body: `if False:\n  ops.aten.save(y, "${written}")` },
    /calls the operator 'aten::save'/,
  ],
  'an operator on files as a method': [{ body: `(y).save("${written}")` }, /'save' on a value/],
  'an operator on raw memory': [
    { body: 'z = ops.inductor._reinterpret_tensor(y, [8], [1], 1000000000000)' },
    /'inductor::_reinterpret_tensor'/,
  ],
  'nested code': [{ body: `q = ${'('.repeat(2e5)}1${')'.repeat(2e5)}` }, /nested too deep/],
  'code that unpacks to 64 MB': [
    { entries: [{ name: 'm/code/__torch__/a.py', data: '#'.repeat(2 ** 26), isCompressed: true }] },
    /more than 32 MB of code/,
  ],
  'a default that is computed': [
    { definitions: 'def f(x: Tensor=torch.ones([100000, 100000])) -> Tensor:\n  return x\n' },
    /computes a constant/,
  ],
  'a loop without end': [
    { body: 'q = 0\nwhile True:\n  q = torch.add(q, 1)\ny = torch.add(y, q)' },
    /a loop that doesn't end/,
  ],
  'a list that is repeated': [
    { body: 'l = torch.mul([1, 2], 1000000000)\ny = torch.add(y, torch.len(l))' },
    /more than 100,000 elements/,
  ],
  'a list that doubles': [
    { body: 'l = [1, 2]\nfor i in range(40):\n  l = torch.add(l, l)\ny = torch.add(y, torch.len(l))' },
    /more than 100,000 elements/,
  ],
  'a list that is extended by itself': [
    { body: 'l = [1, 2]\nfor i in range(40):\n  torch.extend(l, l)\ny = torch.add(y, torch.len(l))' },
    /more than 100,000 elements/,
  ],
  'lists that hold one another': [
    {
      body: 'l = annotate(List[Any], [1])\nfor i in range(40):\n  l = annotate(List[Any], [l, l])\nif torch.eq(torch.len(l), 2):\n  y = torch.add(y, ops.prim.max(l))',
    },
    /./,
  ],
  'a text that doubles in a loop': [
    { body: 's = "aaaaaaaaaa"\nfor i in range(40):\n  s = torch.add(s, s)' },
    /makes an endless text/,
  ],
  'a text that doubles': [
    { body: `s = "aaaaaaaaaa"\n${'s = torch.add(s, s)\n'.repeat(40)}` },
    /text of more than 2\^20/,
  ],
  'modules that hold one another 2^39 times': [
    { definitions: doubling, members: 'c : __torch__.C39', attributes: { c: doubled } },
    /refers to too many others/,
  ],
  'another value than the program declares': [
    { attributes: { training: integer(1) } },
    /is an int.* declares bool/,
  ],
  'a missing attribute': [{ members: 'b : Tensor' }, /lacks 'b'/],
  'a state that is no dict': [
    { pickle: `\x80\x02${global('__torch__', 'Net')})\x81${integer(1)}b.` },
    /has no attributes/,
  ],
  'a class that the program lacks': [
    { pickle: `\x80\x02${object('Other', {})}.` },
    /define the class __torch__\.Other/,
  ],
  'a class in C++': [
    { members: 'c : __torch__.torch.classes.quantized.LinearPackedParamsBase', attributes: { c: 'N' } },
    /a class in C\+\+/,
  ],
  'code that LibTorch refuses': [
    { body: 'z = missing' },
    /LibTorch can't compile its program\. It says: undefined value missing: .* z = missing <--- HERE/,
  ],
  'a model that is no module': [{ pickle: `\x80\x02${integer(1)}.` }, /expected a module/],
  'the version 0': [{ version: '0' }, /version '0', expected 1 to/],
  'a version of 20 digits': [{ version: '99999999999999999999' }, /version '9+', expected/],
  'a version that is a word': [{ version: 'abc' }, /version 'abc'/],
  'an empty version': [{ version: '' }, /version ''/],
  'big-endian tensors': [{ entries: [{ name: 'm/byteorder', data: 'big' }] }, /'big', expected 'little'/],
}

for (const [name, [file, message]] of Object.entries(refused)) {
  test(`refused: ${name}`, async t => {
    const error = await t.throwsAsync(load(file), { message })
    t.true(error instanceof ModelError || error instanceof WeightsError, String(error))
    t.false(existsSync(written))
  })
}

test('an archive behind the beginning of another format is refused', async t => {
  for (const prefix of ['abcdPTMF', 'PTMF', '\x80\x02']) {
    const error = await t.throwsAsync(load({ prefix }))
    t.true(error instanceof WeightsError, String(error))
  }
})

/** Takes longer than any test. */
const slow = 'a = torch.ones([1000, 1000])\nfor i in range(1000000):\n  a = torch.matmul(a, a)'

test('the loading of a file can be aborted', async t => {
  const started = performance.now()
  await t.throwsAsync(load({ body: slow }, AbortSignal.timeout(500)), { any: true, name: 'TimeoutError' })
  t.true(performance.now() - started < 60_000)
})

test('a file that computes for ever does not keep the process from ending', async t => {
  const path = folder.write({ body: slow })
  const { code, signal, stderr } = await runChild(
    `${preamble}
    iba.loadModel(${JSON.stringify(path)}, { device: 'cpu' }).catch(() => {})
    await pause(500)
    process.exit(7)`,
    { limit: 60_000 },
  )
  t.deepEqual([code, signal], [7, null], stderr)
})

test('a file cut or damaged anywhere is loaded or refused', async t => {
  const whole = scriptFile({ attributes: { training: no } })
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = Buffer.from(whole)
    damaged.fill(0xff, at, at + 1 + (at % 5))
    for (const bytes of [damaged, whole.subarray(0, at)]) {
      const path = folder.writeBytes(bytes)
      try {
        await using model = await loadFile(path, 8)
        t.is(model.classes, 5)
      } catch (error) {
        t.true(error instanceof WeightsError || error instanceof ModelError, String(error))
      }
    }
  }
})
