import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { FileError, InvalidArgumentError, loadModel, ModelError, readClassNames } from '../../lib/index.js'
import { findClass, requireClassNames } from '../../lib/model/class-names.js'
import { imageNetClasses } from '../../lib/model/imagenet-classes.js'
import { cardPath, readModelCard } from '../../lib/model/model-card.js'
import { makeFolder } from '../support/command.js'
import { smallModel } from '../support/small-model.js'

let folder: string
let remove: () => Promise<void>

test.before(async () => {
  ;({ folder, remove } = await makeFolder())
})
test.after.always(() => remove?.())

/** The card of a model beside which a text lies. */
async function cardOf(text: string) {
  const file = join(folder, 'mine.pt2')
  await writeFile(cardPath(file), text)
  return await readModelCard(file)
}

test.serial('a card says how images are prepared and what the classes are called', async t => {
  const preprocessing = {
    resize: 232,
    crop: [224, 192],
    squash: true,
    mean: [127.5, 127.5, 127.5],
    std: [51, 51, 51],
    range: 255,
    interpolation: 'bicubic',
    channelOrder: 'bgr',
  }
  const { card, notes } = await cardOf(JSON.stringify({ preprocessing, classes: { 1: 'dog', 0: 'cat' } }))
  const { range: _, ...others } = preprocessing
  t.deepEqual(card, {
    preprocessing: {
      ...others,
      mean: [0.5, 0.5, 0.5],
      std: [0.2, 0.2, 0.2],
    } as unknown as typeof card.preprocessing,
    classNames: ['cat', 'dog'],
  })
  t.deepEqual(notes, [])
})

test.serial('a card with a mistake is refused with its name and what would be right', async t => {
  const wrong: [text: string, message: RegExp][] = [
    ['{"preprocessing": {"meen": [0, 0, 0]}}', /mine\.json'.*'meen'.*Did you mean 'mean'/],
    ['{"preprocessing": {"mean": 0.5}}', /mine\.json'.*preprocessing\.mean/],
    ['{"preprocessing": {"crop": 300}}', /preprocessing\.crop/],
    ['{"classes": [], "preprocessing": {}}', /at least one name/],
    ['{"classes": ["cat", 3]}', /classes\[1\]/],
    ['{"classes": {"0": "cat", "2": "dog"}}', /each class from 0 to 2.*none for 1/],
    ['{"classes": {"cat": 0}}', /indices of classes.*'cat'/],
    ['{"classes": ["cat"], "preproccessing": {}}', /Did you mean 'preprocessing'/],
    ['{"output": ""}', /mine\.json'.*output/],
    ['{"classes": [', /is no valid JSON/],
  ]
  for (const [text, message] of wrong)
    await t.throwsAsync(cardOf(text), { instanceOf: ModelError, message }, text)
})

test.serial('a file of another program beside a model is passed over, and said', async t => {
  for (const text of ['{"name": "tool"}', '[]', '3', 'null']) {
    const { card, notes } = await cardOf(text)
    t.deepEqual(card, {}, text)
    t.regex(
      notes.join(),
      /mine\.json' has none of 'preprocessing', 'classes', 'output' and 'outputKind'/,
      text,
    )
  }
  await rm(join(folder, 'mine.json'))
  t.deepEqual(await readModelCard(join(folder, 'mine.pt2')), { card: {}, notes: [] })
})

test('class names come as lines, as a list or by index', async t => {
  const files = {
    'a.txt': 'cat\r\nsea lion\n\n',
    'a.json': '["cat", "sea lion"]',
    'b.json': '{"1": "sea lion", "0": "cat"}',
  }
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text)
    t.deepEqual(await readClassNames(join(folder, name)), ['cat', 'sea lion'], name)
  }
  await writeFile(join(folder, 'gap.txt'), 'cat\n\ndog\n')
  await t.throwsAsync(readClassNames(join(folder, 'gap.txt')), {
    instanceOf: FileError,
    message: /lines\[1\]/,
  })
  await t.throwsAsync(readClassNames(join(folder, 'none.txt')), {
    instanceOf: FileError,
    message: /no such file/,
  })
  t.throws(() => requireClassNames('classes', 'cat'), { instanceOf: InvalidArgumentError })
})

test('a class is found by its name, or by a part of it', t => {
  const names = ['tench, Tinca tinca', 'crane', 'tabby, tabby cat', 'crane', 'cat']
  t.is(findClass(names, 'Tench'), 0)
  t.is(findClass(names, 'tabby cat'), 2)
  t.is(findClass(names, 'tabby, tabby cat'), 2)
  t.is(findClass(names, 'cat'), 4)
  t.throws(() => findClass(names, 'crane'), { instanceOf: ModelError, message: /'crane': 1, 3/ })
  t.throws(() => findClass(names, 'tabbi cat'), { message: /Did you mean 'tabby cat'/ })
})

test("ImageNet's classes have names that differ", t => {
  t.is(imageNetClasses.length, 1000)
  t.is(new Set(imageNetClasses).size, 1000)
  t.is(imageNetClasses[0], 'tench')
  t.is(imageNetClasses[282], 'tiger cat')
  t.is(imageNetClasses[999], 'toilet tissue')
})

test('names that the caller gives go with the model, and into its results', async t => {
  await using model = await smallModel({ classes: ['zero', 'one', 'two'] })
  t.is(model.classes, 3)
  t.is(model.classIndex('two'), 2)
  const image = { data: new Uint8Array(3 * 64 * 64), width: 64, height: 64, channels: 3 as const }
  const [prediction] = await model.predict(image)
  t.is(prediction!.className, model.classNames[prediction!.target])
  await using plain = await smallModel()
  t.deepEqual(plain.classNames, [])
  t.false('className' in (await plain.predict(image))[0]!)
  t.throws(() => plain.classIndex('two'), { instanceOf: ModelError, message: /have no names/ })
  t.throws(() => model.classIndex('three'), { instanceOf: ModelError, message: /no class 'three'/ })
})

test('the demo network brings its names, and as many as it has outputs are needed', async t => {
  await using model = await loadModel('demo', { device: 'cpu' })
  t.is(model.classNames[8], 'teapot')
  await t.throwsAsync(loadModel('demo', { device: 'cpu', classes: ['one'] }), {
    instanceOf: ModelError,
    message: /have 1 names, but resnet18 has 10 outputs/,
  })
})
