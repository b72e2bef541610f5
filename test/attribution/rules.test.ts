import test from 'ava'
import { loadModel, methods } from '../../lib/index.js'
import { seededNormal } from '../../scripts/testing/module.js'

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0)

for (const [name, width] of [
  ['vgg16', 16],
  // With half the channels some neurons have contributions of one sign only, and those lose β's or α's part.
  ['resnet50', 32],
] as const) {
  test.serial(`${name}: relevance is conserved by the composites without biases`, async t => {
    await using model = await loadModel(name, { weights: 'seeded:0', device: 'cpu', width, classes: 10 })
    const data = seededNormal('image', 0, [1, 3, 64, 64])
    for (const composite of [
      'gamma',
      'z-plus',
      'alpha2-beta1',
      'epsilon-gamma-box',
      'epsilon-plus-flat',
      'epsilon-alpha2-beta1-flat',
    ] as const) {
      await using attributer = methods.lrp(model, { composite, biases: false, keepRaw: true })
      const [result] = await attributer.attribute({ data, shape: [3, 64, 64] }, { targets: 3 })
      const [logits] = await model.logits({ data, shape: [3, 64, 64] })
      const gap = result!.checks.conservationGap!
      const scale = Math.max(...logits!.map(Math.abs))
      t.true(Math.abs(gap) < 1e-3 * scale, `${composite}: ${gap} of ${logits![3]}`)
      t.true(Math.abs(sum(result!.tensors.raw!.data) + gap - logits![3]!) < 1e-4 * scale)
    }
  })
}
