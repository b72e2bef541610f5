import { SetupFailure } from '../../lib/install/failure.mjs'

/** What a release says of itself: the part of the changelog under its heading.
 * @param {string} changelog
 * @param {string} version
 * @returns {string} */
export function entriesOf(changelog, version) {
  const begin = changelog.indexOf(`## [${version}]`)
  if (begin < 0) return ''
  const rest = changelog.slice(changelog.indexOf('\n', begin) + 1)
  const end = rest.search(/^## |^\[[^\]]+\]: /m)
  return (end < 0 ? rest : rest.slice(0, end)).trim()
}

/** The changelog with what was unreleased under a version.
 * @param {string} changelog
 * @param {string} version
 * @param {string} date as 2026-01-31
 * @returns {string} */
export function released(changelog, version, date) {
  if (entriesOf(changelog, 'Unreleased') === '')
    throw new SetupFailure('CHANGELOG.md says nothing under “Unreleased”', 'Say there what users can notice.')
  if (changelog.includes(`## [${version}]`))
    throw new SetupFailure(`CHANGELOG.md has a version ${version} already`, 'Choose a later one.')
  return changelog.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - ${date}\n`)
}

/** @param {string} version
 * @param {string} before */
export function requireLater(version, before) {
  const numbers = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?$/
  if (!numbers.test(version))
    throw new SetupFailure(`'${version}' is no version`, 'Expected one as 1.2.3 or 1.3.0-beta.1.')
  const isLater = compare(version, before) > 0
  if (!isLater) throw new SetupFailure(`${version} is not later than ${before}`, 'Choose a later version.')
}

/** @param {string} a
 * @param {string} b */
function compare(a, b) {
  const [x, y] = [a, b].map(text => text.split(/[.-]/).slice(0, 3).map(Number))
  for (let i = 0; i < 3; i++) if (x?.[i] !== y?.[i]) return (x?.[i] ?? 0) - (y?.[i] ?? 0)
  // A version without an ending comes after those with one.
  const [p, q] = [a, b].map(text => text.split('-').slice(1).join('-'))
  return p === '' || q === ''
    ? Number(p === '') - Number(q === '')
    : String(p).localeCompare(String(q), 'en', { numeric: true })
}
