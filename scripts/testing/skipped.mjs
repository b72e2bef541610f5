import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup/paths.mjs'

/** Where the tests of a run note which of them are skipped, a line of JSON each. */
export const skippedFile = join(root, 'dist', '.skipped')

/** A test that was skipped: what is missing, and what would make it run.
 * @typedef {{ file: string, title: string, missing: string, remedy: string }} SkippedTest */

/** The tests that the last run skipped.
 * @returns {SkippedTest[]} */
export function readSkipped() {
  if (!existsSync(skippedFile)) return []
  return readFileSync(skippedFile, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

/** What was skipped, grouped by what is missing.
 * @param {SkippedTest[]} tests
 * @returns {string[]} lines */
export function describeSkipped(tests) {
  const reasons = new Set(tests.map(({ missing }) => missing))
  return [...reasons].flatMap(reason => {
    const group = tests.filter(({ missing }) => missing === reason)
    const files = [...new Set(group.map(({ file }) => file))].map(
      file => `  ${file}: ${group.filter(test => test.file === file).length}`,
    )
    return [`${group.length} skipped: ${reason} (${group[0]?.remedy})`, ...files]
  })
}
