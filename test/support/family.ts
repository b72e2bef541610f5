import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Target } from '../../lib/index.js'

/** What test/support/make-family-fixtures.py found for an optimisation. */
export interface FamilyRun {
  crossEntropy: number[]
  information: number[]
  /** The capacity of the last pass, or the map. */
  result: number[]
}

export interface FamilyReference {
  clean: number[]
  targets: Record<string, { target: Target; score: number; gradient: number[]; perSample: FamilyRun }>
  inverse: FamilyRun
  limited: FamilyRun
  shared: FamilyRun
  initialAlpha: FamilyRun
  m2ib: FamilyRun
  nib: number[]
  coiba: FamilyRun
  inputIba: FamilyRun
  /** CoIBA, and without a mask of the class token. */
  vit: { clean: number[]; coiba: FamilyRun; coibaFree: FamilyRun }
  settings: { steps: number; copies: number; seed: number }
}

const path = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/family/${name}`, import.meta.url))

export const familyReference = JSON.parse(readFileSync(path('family.json'), 'utf8')) as FamilyReference

/** A transformer of three blocks with seeded weights, as torch.export wrote it. */
export const familyTransformer = path('vit.pt2')

/** How far numbers are from those expected, as a share of their length. */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length)
    throw new Error(`Expected ${expected.length} numbers, found ${found.length}.`)
  let squares = 0
  let length = 0
  for (let i = 0; i < found.length; i++) {
    squares += (found[i]! - expected[i]!) ** 2
    length += expected[i]! ** 2
  }
  return Math.sqrt(squares / length)
}
