import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loadAddon } from '../../lib/native/load.js'
import { entriesOf, released, requireLater } from '../../scripts/release/changelog.mjs'
import { askedVersions } from '../../scripts/release/libraries.mjs'
import { ownManifest } from '../../scripts/release/manifests.mjs'
import { isAllowed, notices, runtimeDependencies } from '../../scripts/release/notices.mjs'
import { root } from '../../scripts/setup/paths.mjs'
import { failureOf } from '../support/setup.js'

test('every runtime dependency is under a permissive licence, or is known not to be', t => {
  const dependencies = runtimeDependencies()
  t.true(dependencies.length > 50)
  for (const dependency of dependencies)
    t.true(isAllowed(dependency), `${dependency.name} ${dependency.version} is under ${dependency.licence}`)
  t.true(isAllowed({ name: 'some', licence: '(MIT OR GPL-3.0)' }))
  for (const licence of ['MIT AND GPL-3.0', 'unknown', 'LGPL-3.0-or-later'])
    t.false(isAllowed({ name: 'some', licence }))
})

test('notices name each of them, with the text of its licence where it has one', t => {
  const text = notices()
  for (const { name, version } of runtimeDependencies()) t.true(text.includes(`${name} ${version}\n`), name)
  t.regex(text, /Permission is hereby granted/)
  t.regex(text, /Apache License/)
})

test('no dependency asks for a newer Node than this package says', t => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const [, ours = ''] = /^>=(\d+\.\d+\.\d+)$/.exec(ownManifest().engines.node) ?? []
  for (const { name } of runtimeDependencies()) {
    const asked: string = packages[`node_modules/${name}`]?.engines?.node ?? '*'
    const oldest = asked
      .split('||')
      .map(range => /(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(range)?.slice(1).map(Number) ?? [0])
    const fits = oldest.some(version => notLater(version, ours.split('.').map(Number)))
    t.true(fits, `${name} asks for Node ${asked}`)
  }
})

function notLater(a: number[], b: number[]): boolean {
  const i = [0, 1, 2].find(place => (a[place] || 0) !== (b[place] || 0))
  return i === undefined || (a[i] || 0) < (b[i] || 0)
}

const changelog =
  '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Maps.\n\n## [0.1.0] - 2026-01-31\n\n- Begun.\n'

test('a release puts what was unreleased under its version', async t => {
  const text = released(changelog, '0.2.0', '2026-02-28')
  t.is(entriesOf(text, '0.2.0'), '### Added\n\n- Maps.')
  t.is(entriesOf(text, 'Unreleased'), '')
  t.is(entriesOf(text, '0.1.0'), '- Begun.')
  t.regex(await failureOf(() => released(text, '0.3.0', '2026-02-28')), /says nothing under “Unreleased”/)
  t.regex(await failureOf(() => released(changelog, '0.1.0', '2026-02-28')), /has a version 0\.1\.0 already/)
})

test('a release is later than the one before', async t => {
  for (const later of ['0.1.1', '0.2.0', '1.0.0', '0.1.1-beta.1'])
    t.notThrows(() => requireLater(later, '0.1.0'))
  t.notThrows(() => requireLater('0.2.0', '0.2.0-beta.2'))
  t.notThrows(() => requireLater('0.2.0-beta.10', '0.2.0-beta.2'))
  for (const wrong of ['0.1.0', '0.0.9', '0.1.0-beta.1'])
    t.regex(await failureOf(() => requireLater(wrong, '0.1.0')), /is not later than 0\.1\.0/)
  t.regex(await failureOf(() => requireLater('v1', '0.1.0')), /'v1' is no version/)
})

test('a dry run of a release says what it would do, and changes nothing', t => {
  const read = () =>
    ['package.json', 'CHANGELOG.md', 'CITATION.cff'].map(file => readFileSync(join(root, file), 'utf8'))
  const before = read()
  const args = [join(root, 'scripts', 'release', 'release.mjs'), '99.0.0', '--dry-run']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  t.is(status, 0, stderr)
  t.regex(stdout, /would write package\.json[\s\S]*would commit “Version 99\.0\.0” and tag it v99\.0\.0/)
  t.deepEqual(read(), before)
})

test('the binding says which glibc it needs', t => {
  if (process.platform !== 'linux' || spawnSync('objdump', ['--version']).status !== 0)
    return t.pass('needs objdump')
  const { GLIBC, GLIBCXX } = askedVersions(loadAddon().path)
  t.regex(GLIBC ?? '', /^2\.\d+/)
  t.regex(GLIBCXX ?? '', /^3\.4/)
})
