import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { root } from '../../scripts/setup/paths.mjs'
import { countLine, countTests } from '../../scripts/testing/count.mjs'
import { slowTests } from '../../scripts/testing/fast.mjs'
import { findTests, splitArguments } from '../../scripts/testing/select.mjs'
import { describeSkipped } from '../../scripts/testing/skipped.mjs'

test('the last line of npm test counts what ava reports', t => {
  t.deepEqual(countTests('  ✔ a\n  ✔ b\n  ─\n\n  2 tests passed\n', 0), { passed: 2, failed: 0, skipped: 0 })
  t.deepEqual(countTests('  ✔ a\n  ✖ b\n  ─\n\n  1 test failed\n', 1), { passed: 1, failed: 1, skipped: 0 })
  t.deepEqual(countTests('\x1b[32m  ✔ a\x1b[39m\n  1 test passed\n  1 uncaught exception\n', 1), {
    passed: 1,
    failed: 1,
    skipped: 0,
  })
  t.deepEqual(countTests('  ✔ a\n  3 tests remained pending after a timeout\n', 1), {
    passed: 1,
    failed: 3,
    skipped: 0,
  })
  t.deepEqual(countTests('  ✖ dist/test/x.test.js exited due to SIGSEGV\n', 1), {
    passed: 0,
    failed: 1,
    skipped: 0,
  })
  t.deepEqual(countTests('', 0), { passed: 0, failed: 1, skipped: 0 })
  t.deepEqual(countTests('  1 test passed\n', 1), { passed: 1, failed: 1, skipped: 0 })
  const skipping = { passed: 1, failed: 0, skipped: 2 }
  t.deepEqual(countTests('  ✔ a\n  - b\n  - c\n  ─\n\n  1 test passed\n  2 tests skipped\n', 0), skipping)
  t.is(countLine(skipping), '1 passed, 0 failed, 2 skipped')
  t.is(countLine({ ...skipping, skipped: 0 }), '1 passed, 0 failed')
})

test('a test file is named by its path, its name, a part of it or its folder', t => {
  const [network, models, training, data] = [
    'test/model/network.test.ts',
    'test/model/models.test.ts',
    'test/training/training.test.ts',
    'test/training/training-data.test.ts',
  ] as const
  const files = [network, models, training, data]
  for (const name of [
    network,
    `./${network}`,
    join(root, network),
    'dist/test/model/network.test.js',
    'network.test.ts',
    'network',
    'netw',
  ])
    t.deepEqual(findTests(name, files), [network], name)
  t.deepEqual(findTests('training', files), [training])
  t.deepEqual(findTests('test/training/', files), [training, data])
  t.deepEqual(findTests('nothing', files), [])
})

test('what is not a name of a test file goes to ava, with its value', t => {
  t.deepEqual(splitArguments(['network', '--match', 'a b', '-v', 'models', '-T', '9s', '--match=c']), {
    names: ['network', 'models'],
    flags: ['--match', 'a b', '-v', '-T', '9s', '--match=c'],
  })
})

test('what was skipped is said by what is missing', t => {
  const torch = { missing: 'torch is missing', remedy: 'pip install torch' }
  const browser = { missing: 'Chromium is missing', remedy: 'apt-get install chromium' }
  t.deepEqual(
    describeSkipped([
      { file: 'a.test.ts', title: '1', ...torch },
      { file: 'c.test.ts', title: '2', ...browser },
      { file: 'b.test.ts', title: '3', ...torch },
      { file: 'a.test.ts', title: '4', ...torch },
    ]),
    [
      '3 skipped: torch is missing (pip install torch)',
      '  a.test.ts: 2',
      '  b.test.ts: 1',
      '1 skipped: Chromium is missing (apt-get install chromium)',
      '  c.test.ts: 1',
    ],
  )
})

test('the slow tests are there', t => {
  for (const file of slowTests) t.true(existsSync(join(root, file)), file)
})
