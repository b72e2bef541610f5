// Learns the statistics of EfficientNet-Lite0 that the package ships, from parts of the photographs of the demo.
import { stat } from 'node:fs/promises'
import { estimate, fetchWeights, loadModel } from '../lib/index.js'
import { packagedStatistics } from '../lib/learned/packaged-statistics.js'
import { withDrawnParts } from '../lib/learned/rough-statistics.js'
import { compactStatistics } from './demo/compact-statistics.js'
import { fetchPhotographs, photographNetwork } from './demo/photographs.js'

const parts = 255

async function main(): Promise<void> {
  const photographs = await fetchPhotographs()
  const path = packagedStatistics(photographNetwork)!
  await using model = await loadModel(photographNetwork, {
    weights: await fetchWeights(photographNetwork),
    device: 'cpu',
  })
  const images = withDrawnParts(
    photographs.map(photograph => photograph.path),
    model,
    { parts },
  )
  await using statistics = await estimate(model, {
    images,
    onProgress: ({ samples }) => console.log(`${samples} of ${photographs.length * (parts + 1)} images`),
  })
  await statistics.save(path)
  await compactStatistics(path)
  console.log(`${path}: ${(await stat(path)).size} bytes`)
}

await main()
