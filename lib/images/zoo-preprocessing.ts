import type { Preprocessing } from './preprocess.js'

/** The side of the images that each EfficientNet-Lite was trained on. */
const litePixels: Record<string, number> = {
  'efficientnet-lite0': 224,
  'efficientnet-lite1': 240,
  'efficientnet-lite2': 260,
  'efficientnet-lite3': 280,
  'efficientnet-lite4': 300,
}

/** What its authors leave out at the sides together, at the size of the crop. */
const liteBorder = 32

/** The crop of an EfficientNet-Lite, and what the shorter side is resized to before; absent for other architectures. */
export function liteSizes(architecture: string): { resize: number; crop: number } | undefined {
  const crop = litePixels[architecture]
  return crop === undefined ? undefined : { resize: crop + liteBorder, crop }
}

/** How a network of the zoo takes its images, where that is not as torchvision has it for ImageNet. */
export function zooPreprocessing(architecture: string, channels: number): Partial<Preprocessing> {
  const sizes = liteSizes(architecture)
  if (!sizes) return {}
  const inEachChannel = (value: number) => new Array<number>(channels).fill(value)
  // Google's are 127 and 128 for values from 0 to 255.
  const [mean, std] = [inEachChannel(0.498), inEachChannel(0.502)]
  return { ...sizes, interpolation: 'bicubic', mean, std }
}
