import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FamilyRun } from './family.js'

/** What test/support/make-bert-fixtures.py found. */
export interface BertReference {
  texts: number[][]
  logits: number[][]
  /** The class that is explained of the first text. */
  target: number
  run: FamilyRun
  /** Its cross-entropy without the block that the bottleneck is behind. */
  skipped: number
  settings: { steps: number; copies: number; seed: number }
}

const path = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/tokens/${name}`, import.meta.url))

export const bertReference = JSON.parse(readFileSync(path('bert.json'), 'utf8')) as BertReference

/** A classifier of texts of eight tokens, with BERT's twelve blocks. */
export const bert = path('bert.pt2')
