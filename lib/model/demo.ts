import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../native/packages.mjs'

/** The small network that comes with the package, trained on synthetic images: for trying things out. */
export const demo = {
  /** The name in the zoo. */
  architecture: 'resnet18',
  /** Its images are of the network's size already. */
  preprocessing: {
    /** No resizing. */
    resize: 224,
    /** No cropping. */
    crop: 224,
  },
  /** The path of the weight file. */
  weights: packaged('weights.safetensors'),
  /** The path of the statistics of layer2. */
  statistics: packaged('statistics.safetensors'),
  /** The path of a trained readout. */
  readout: packaged('readout.safetensors'),
  /** The folder of the sample images. */
  images: packaged('images'),
  /** The path of the boxes and classes of the sample images, as JSON. */
  boxes: packaged('boxes.json'),
  /** The path of the class names, as JSON. */
  classes: packaged('classes.json'),
}

/** A sample image of the demo: its class, and the box of the object that decides it. */
export interface DemoSample {
  /** The image's file. */
  path: string
  /** The index of its class. */
  target: number
  /** In pixels. */
  box: {
    /** The first column. */
    left: number
    /** The first row. */
    top: number
    /** The column just outside. */
    right: number
    /** The row just outside. */
    bottom: number
  }
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

/** @internal The path of a file in the package's folder `demo`. */
export function packaged(name: string): string {
  return join(packageRoot, 'demo', name)
}
