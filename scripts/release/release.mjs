// Makes a release: `npm run release -- 1.2.3`. Sets the version everywhere it stands, puts the changelog's unreleased
// part under it, commits and tags. Pushing the tag starts the workflow that builds and publishes all packages.
// `--dry-run` says what would be done.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { say } from '../../lib/install/process.mjs'
import { root } from '../setup/paths.mjs'
import { entriesOf, released, requireLater } from './changelog.mjs'
import { ownManifest } from './manifests.mjs'

await runScript(() => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean', default: false } },
  })
  const [version = ''] = positionals
  const before = ownManifest().version
  requireLater(version, before)
  requireCleanTree(values['dry-run'])
  const changed = changes(version, before, new Date().toISOString().slice(0, 10))
  if (values['dry-run']) {
    for (const [file, text] of Object.entries(changed)) say(`would write ${file} (${text.length} characters)`)
    say(`would commit “Version ${version}” and tag it v${version}`)
    process.stdout.write(`\n${entriesOf(changed['CHANGELOG.md'] ?? '', version)}\n`)
    return
  }
  for (const [file, text] of Object.entries(changed)) writeFileSync(join(root, file), text)
  git('commit', '--quiet', '--all', '--message', `Version ${version}`)
  git('tag', '--annotate', '--message', `Version ${version}`, `v${version}`)
  say(`tagged v${version}; \`git push --follow-tags\` publishes it`)
})

/** The files with the version in them, as they will be.
 * @param {string} version
 * @param {string} before
 * @param {string} date
 * @returns {Record<string, string>} */
function changes(version, before, date) {
  const read = (/** @type {string} */ file) => readFileSync(join(root, file), 'utf8')
  const quoted = (/** @type {string} */ text) => `"version": "${text}"`
  /** @type {Record<string, string>} */
  const files = {
    'package.json': read('package.json').replace(quoted(before), quoted(version)),
    'CHANGELOG.md': released(read('CHANGELOG.md'), version, date),
    'CITATION.cff': read('CITATION.cff')
      .replace(/^version: .*$/m, `version: ${version}`)
      .replace(/^date-released: .*$/m, `date-released: ${date}`),
  }
  // It stands twice in the lock file: for the package, and for its root.
  const lock = JSON.parse(read('package-lock.json'))
  lock.version = lock.packages[''].version = version
  files['package-lock.json'] = `${JSON.stringify(lock, undefined, 2)}\n`
  return files
}

/** @param {boolean} isDry */
function requireCleanTree(isDry) {
  const changed = git('status', '--porcelain')
  if (changed !== '' && !isDry)
    throw new SetupFailure(
      `the tree has changes that aren't committed:\n${changed}`,
      'Commit them, or put them away.',
    )
}

/** @param {string[]} args */
function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new SetupFailure(`git ${args[0]} failed: ${stderr}`, 'Put right what it names.')
  return stdout.trimEnd()
}
