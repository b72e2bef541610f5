import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { loadModel, loadStatistics } from '../../lib/index.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { pythonEfficientNetLite, testNeeding } from '../support/requirements.js'

const script = fileURLToPath(new URL('../../../test/support/efficientnet-lite.py', import.meta.url))
const crops = [224, 240, 260]

for (const [number, crop] of crops.entries()) {
  const testPython = testNeeding(pythonEfficientNetLite(number))
  const name = `efficientnet-lite${number}` as const
  testPython(`photographs get the logits and classes of Python's ${name} with trained weights`, async t => {
    const folder = await mkdtemp(join(tmpdir(), `${name}-`))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const { stdout } = await promisify(execFile)('python3', [script, String(number), folder])
    const { weights, photographs }: { weights: string; photographs: string[] } = JSON.parse(stdout)
    const [inputs, expected] = await Promise.all(
      ['inputs.f32', 'logits.f32'].map(async name => {
        const bytes = await readFile(join(folder, name))
        return new Float32Array(new Uint8Array(bytes).buffer)
      }),
    )
    await using model = await loadModel(name, { weights, device: 'cpu' })
    const each = 3 * crop * crop
    const images = photographs.map((_, i) => ({
      data: inputs!.slice(i * each, (i + 1) * each),
      shape: [3, crop, crop] as const,
    }))
    const logits = await model.logits(images)
    const predictions = await model.predict(photographs)
    photographs.forEach((path, i) => {
      const reference = expected!.subarray(i * 1000, (i + 1) * 1000)
      const error = relativeError(logits[i]!, reference)
      t.true(error < 1e-4, `${path}: ${error}`)
      t.is(predictions[i]!.target, reference.indexOf(Math.max(...reference)), path)
    })
    t.log(predictions.map(({ className }) => className).join('; '))
    t.is(predictions[1]!.className, 'espresso')
    if (number !== 0) return
    await using statistics = await loadStatistics('efficientnet-lite0')
    t.notThrows(() => statistics.requireFor(model), 'those of the package are of these weights')
  })
}
