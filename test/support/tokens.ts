import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FamilyRun } from './family.js'

/** What test/support/make-token-fixtures.py found. */
export interface TokenReference {
  texts: number[][]
  /** Of each text by text.pt2, by argmax.pt2, and of the first one's first four tokens by the latter. */
  features: number[][]
  argmaxFeatures: number[][]
  shortFeatures: number[][]
  imageFeatures: number[]
  /** The cosine of the first text with the image, which all that follows explains. */
  score: number
  m2ib: FamilyRun
  perSample: FamilyRun
  gradients: { saliency: number[]; timesInput: number[] }
  /** Integrated gradients at the layer, and at the embedding. */
  nib: number[]
  integrated: number[]
  settings: { steps: number; copies: number; seed: number }
}

const path = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/tokens/${name}`, import.meta.url))

export const tokenReference = JSON.parse(readFileSync(path('tokens.json'), 'utf8')) as TokenReference

/** A text tower of transformers' CLIP for ten tokens of 64, which reads at the last of them, as torch.export wrote it and as
 * torch.onnx.export did; one that reads at the greatest id, for any length; and an image tower. */
export const towers = {
  text: path('text.pt2'),
  onnx: path('text.onnx'),
  argmax: path('argmax.pt2'),
  /** The first in TorchScript and, for a single text, in ONNX and exported; the second likewise. */
  traced: path('traced.pt'),
  single: path('single.onnx'),
  singleExported: path('single.pt2'),
  scripted: path('scripted.pt'),
  argmaxSingle: path('argmax-single.onnx'),
  vision: path('vision.pt2'),
}

/** How images become those of the image tower. */
export const towerPreprocessing = { resize: 32, crop: 32, mean: [0, 0, 0], std: [1, 1, 1] }
