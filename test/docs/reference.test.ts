import { spawnSync } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import { root } from '../../scripts/setup/paths.mjs'

test('every public name, and every member of it, has a doc comment', t => {
  // The compiler has checked the types already.
  const words = ['--prefix', 'docs/reference', 'run', 'build', '--', '--emit', 'none', '--skipErrorChecking']
  const { status, stdout, stderr } = spawnSync('npm', words, { cwd: root, encoding: 'utf8' })
  t.is(status, 0, stripVTControlCharacters(stdout + stderr))
})
