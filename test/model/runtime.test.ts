import test from 'ava'
import { configureRuntime, InvalidArgumentError, loadModel } from '../../lib/index.js'
import { gpuArithmetic } from '../../lib/model/runtime.js'
import { noiseImage } from '../support/small-model.js'

test.serial('float32 is float32 on GPUs until somebody asks for TF32', t => {
  t.deepEqual(gpuArithmetic(), { tf32: false, cudnnBenchmark: false })
})

test.serial('what is chosen for GPUs holds, and what is not given stays', t => {
  configureRuntime({ tf32: true })
  configureRuntime({ cudnnBenchmark: true })
  t.deepEqual(gpuArithmetic(), { tf32: true, cudnnBenchmark: true })
  configureRuntime({ tf32: false, cudnnBenchmark: false })
  t.deepEqual(gpuArithmetic(), { tf32: false, cudnnBenchmark: false })
  t.throws(() => configureRuntime({ tf23: true } as object), {
    instanceOf: InvalidArgumentError,
    message: /Unknown option 'tf23'.*Did you mean 'tf32'/,
  })
  t.throws(() => configureRuntime({ tf32: 1 } as object), { instanceOf: InvalidArgumentError })
})

test.serial('nothing of it changes what a processor computes', async t => {
  await using model = await loadModel('resnet18', { weights: 'seeded:0', device: 'cpu' })
  const image = noiseImage()
  const before = await model.logits(image)
  configureRuntime({ tf32: true, cudnnBenchmark: true })
  const after = await model.logits(image)
  configureRuntime({ tf32: false, cudnnBenchmark: false })
  t.deepEqual(after, before)
})
