import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The small network that comes with the package, trained on synthetic images: for trying things out. */
export const demo = {
  architecture: 'resnet18',
  /** Its images are of the network's size already. */
  preprocessing: { resize: 224, crop: 224 },
  weights: packaged('weights.safetensors'),
  statistics: packaged('statistics.safetensors'),
  readout: packaged('readout.safetensors'),
  images: packaged('images'),
  boxes: packaged('boxes.json'),
  classes: packaged('classes.json'),
}

/** A sample image of the demo: its class, and the box of the object that decides it (right and bottom are just
 * outside). */
export interface DemoSample {
  path: string
  target: number
  box: { left: number; top: number; right: number; bottom: number }
}

/** The sample images that come with the package. */
export async function demoSamples(): Promise<DemoSample[]> {
  const samples = JSON.parse(await readFile(demo.boxes, 'utf8')) as Record<string, Omit<DemoSample, 'path'>>
  return Object.entries(samples).map(([name, sample]) => ({ path: join(demo.images, name), ...sample }))
}

/** The names of the demo network's classes, by class index. */
export async function demoClassNames(): Promise<string[]> {
  const classes = JSON.parse(await readFile(demo.classes, 'utf8')) as { index: number; name: string }[]
  return classes.sort((a, b) => a.index - b.index).map(({ name }) => name)
}

function packaged(name: string): string {
  return fileURLToPath(new URL(`../../../demo/${name}`, import.meta.url))
}
