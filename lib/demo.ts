import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The small network that comes with the package, trained on synthetic images: for trying things out. */
export const demo = {
  architecture: 'resnet18',
  weights: packaged('weights.safetensors'),
  statistics: packaged('statistics.safetensors'),
  images: packaged('images'),
  boxes: packaged('boxes.json'),
  classes: packaged('classes.json'),
}

/** The names of the demo network's classes, by class index. */
export async function demoClassNames(): Promise<string[]> {
  const classes = JSON.parse(await readFile(demo.classes, 'utf8')) as { index: number; name: string }[]
  return classes.sort((a, b) => a.index - b.index).map(({ name }) => name)
}

function packaged(name: string): string {
  return fileURLToPath(new URL(`../../demo/${name}`, import.meta.url))
}
