import { stripVTControlCharacters } from 'node:util'

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** Counts what ava reports: its lines of passed tests (it totals them only if nothing failed) and its totals of what
 * went wrong or was skipped. A run of no test, or one that ends badly without saying why, counts as a failure.
 * @param {string} output
 * @param {number} code the exit status
 * @returns {Counts} */
export function countTests(output, code) {
  const text = stripVTControlCharacters(output)
  const listed = text.match(/^\s*✔ /gm)?.length ?? 0
  const passed = sum(text, /^\s*(\d+) tests? passed$/gm) || listed
  const failed =
    sum(text, /^\s*(\d+) (?:tests?|hooks?) failed$/gm) +
    sum(text, /^\s*(\d+) tests? remained pending after a timeout$/gm) +
    sum(text, /^\s*(\d+) (?:uncaught exceptions?|unhandled rejections?)$/gm) +
    (text.match(/^\s*✖ .* exited (?:due to SIG|with a non-zero exit code)/gm)?.length ?? 0)
  const skipped = sum(text, /^\s*(\d+) tests? skipped$/gm)
  const unexplained = failed === 0 && (code !== 0 || passed + skipped === 0)
  return { passed, failed: unexplained ? 1 : failed, skipped }
}

/** The line that a run of tests ends with.
 * @param {Counts} counts */
export function countLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** @param {string} text
 * @param {RegExp} pattern */
function sum(text, pattern) {
  return [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0)
}
