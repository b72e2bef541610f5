import { stripVTControlCharacters } from 'node:util'

/** Counts what ava reports: its lines of passed tests (it totals them only if nothing failed) and its totals of what
 * went wrong. A run that passes nothing, or ends badly without saying why, counts as a failure.
 * @param {string} output
 * @param {number} code the exit status
 * @returns {{ passed: number, failed: number }} */
export function countTests(output, code) {
  const text = stripVTControlCharacters(output)
  const listed = text.match(/^\s*✔ /gm)?.length ?? 0
  const passed = sum(text, /^\s*(\d+) tests? passed$/gm) || listed
  const failed =
    sum(text, /^\s*(\d+) (?:tests?|hooks?) failed$/gm) +
    sum(text, /^\s*(\d+) tests? remained pending after a timeout$/gm) +
    sum(text, /^\s*(\d+) (?:uncaught exceptions?|unhandled rejections?)$/gm) +
    (text.match(/^\s*✖ .* exited (?:due to SIG|with a non-zero exit code)/gm)?.length ?? 0)
  const unexplained = failed === 0 && (code !== 0 || passed === 0)
  return { passed, failed: unexplained ? 1 : failed }
}

/** @param {string} text
 * @param {RegExp} pattern */
function sum(text, pattern) {
  return [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0)
}
