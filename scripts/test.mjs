// Lint, layout and tests; the last line counts them. Arguments go to ava: `npm test -- dist/test/model/network.test.js`.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { countTests } from './setup/count-tests.mjs'
import { require, root } from './setup/paths.mjs'
import { run } from './setup/process.mjs'

const colors = process.stdout.isTTY ? 'force' : 'off'
/** @type {Record<string, string[]>} */
const checks = {
  biome: [
    require.resolve('@biomejs/biome/bin/biome'),
    'ci',
    '--error-on-warnings',
    `--colors=${colors}`,
    '.',
  ],
  'clang-format': [join(root, 'scripts', 'setup', 'format-native.mjs')],
}
const failedChecks = Object.keys(checks).filter(name => !succeeds(checks[name] ?? []))

const ava = join(dirname(require.resolve('ava')), 'cli.mjs')
const env = process.stdout.isTTY ? { FORCE_COLOR: '1', ...process.env } : process.env
const { code, output } = await run(process.execPath, [ava, ...process.argv.slice(2)], {
  cwd: root,
  env,
  show: true,
})
const { passed, failed } = countTests(output, code)

if (failedChecks.length > 0) console.log(`checks that failed: ${failedChecks.join(', ')}`)
console.log(`${passed} passed, ${failed + failedChecks.length} failed`)
process.exitCode = failed + failedChecks.length > 0 ? 1 : 0

/** @param {string[]} args */
function succeeds(args) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0
}
