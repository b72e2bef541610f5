// Repeats small attributions, and loads and disposes models, and watches the memory of the process:
// `node dist/scripts/soak.js [rounds]`. Fails if memory still grows by more than a tenth after the warm-up.
import { pathToFileURL } from 'node:url'
import { estimate, loadModel, type PreparedImage, perSample } from '../lib/index.js'

const reportEvery = 50
const tolerated = 1.1

function noise(seed: number): PreparedImage {
  // A linear congruential generator: the images only have to differ.
  let state = seed + 1
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
  return { data: Float32Array.from({ length: 3 * 64 * 64 }, next), shape: [3, 64, 64] }
}

async function attributeWithNewModel(round: number): Promise<void> {
  await using model = await loadModel('resnet18', {
    weights: `seeded:${round % 3}`,
    width: 16,
    classes: 10,
    device: 'cpu',
  })
  await using statistics = await estimate(model, { images: [1, 2, 3].map(noise), onWarning: () => {} })
  const iba = perSample(model, { statistics, steps: 3, copies: 4, keepCapacity: true, keepSteps: true })
  await iba.attribute([noise(round), noise(round + 1)])
  iba.dispose()
}

/** Runs the rounds and gives the memory after the warm-up, a third of them, and at the end, in MiB. */
export async function soak(
  rounds: number,
  report: (round: number, mebibytes: number) => void = () => {},
): Promise<{ warm: number; end: number }> {
  const warmUp = Math.ceil(rounds / 3)
  let warm = 0
  for (let round = 1; round <= rounds; round++) {
    await attributeWithNewModel(round)
    if (round === warmUp) warm = residentMebibytes()
    if (round % reportEvery === 0) report(round, residentMebibytes())
  }
  return { warm, end: residentMebibytes() }
}

export function hasGrown({ warm, end }: { warm: number; end: number }): boolean {
  return end > warm * tolerated
}

// What V8 has not collected yet is no leak: with --expose-gc it doesn't count.
function residentMebibytes(): number {
  globalThis.gc?.()
  return process.memoryUsage.rss() / 2 ** 20
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const rounds = Number(process.argv[2] ?? 300)
  const result = await soak(rounds, (round, mebibytes) =>
    console.log(`${round}: ${mebibytes.toFixed(0)} MiB`),
  )
  console.log(`after the warm-up ${result.warm.toFixed(0)} MiB, at the end ${result.end.toFixed(0)} MiB`)
  if (hasGrown(result)) {
    console.error('memory grows')
    process.exitCode = 1
  }
}
