// Runs the tests; the last line counts them. `npm test` begins with lint and layout and runs all, `npm test -- NAME…`
// those of the named files, `npm test -- --skipped` those that the last run skipped, `npm run test:fast` the quick ones
// without any set-up but TypeScript's. Other arguments go to ava.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runScript } from '../lib/install/failure.mjs'
import { run } from '../lib/install/process.mjs'
import { bundlePackages } from './setup/bundles.mjs'
import { buildPage } from './setup/page.mjs'
import { require, root } from './setup/paths.mjs'
import { filesBelow } from './setup/stamp.mjs'
import { compileTypeScript } from './setup/typescript.mjs'
import { countLine, countTests } from './testing/count.mjs'
import { slowTests } from './testing/fast.mjs'
import { testNative } from './testing/native.mjs'
import { findTests, splitArguments } from './testing/select.mjs'
import { describeSkipped, readSkipped, skippedFile } from './testing/skipped.mjs'

const all = filesBelow('test').filter(file => file.endsWith('.test.ts'))

await runScript(async () => {
  const { names, flags } = splitArguments(process.argv.slice(2))
  const [mode] = ['--fast', '--skipped'].filter(flag => flags.includes(flag))
  const forAva = flags.filter(flag => flag !== mode)
  const isWhole = !mode && names.length === 0
  const failedChecks = isWhole ? runChecks() : []
  if (mode === '--fast') {
    await bundlePackages()
    await compileTypeScript()
    await buildPage()
  }
  const counts = mode === '--skipped' ? await runSkipped(forAva) : await runTests(chosen(names, mode), forAva)

  const native = isWhole ? await testNative() : { passed: 0, failed: 0 }

  for (const line of describeSkipped(readSkipped())) console.log(line)
  if (failedChecks.length > 0) console.log(`checks that failed: ${failedChecks.join(', ')}`)
  const failed = counts.failed + native.failed + failedChecks.length
  console.log(countLine({ ...counts, passed: counts.passed + native.passed, failed }))
  process.exitCode = failed > 0 ? 1 : 0
})

/** @param {string[]} names
 * @param {string | undefined} mode */
function chosen(names, mode) {
  if (mode === '--fast') return all.filter(file => !slowTests.includes(file))
  const unknown = names.find(name => findTests(name, all).length === 0)
  if (unknown !== undefined) {
    console.error(`There is no test file '${unknown}'.`)
    console.error('Give a path, such as test/model/network.test.ts, a name, such as network, or a folder.')
    process.exit(2)
  }
  return [...new Set(names.flatMap(name => findTests(name, all)))]
}

/** @param {string[]} flags */
async function runSkipped(flags) {
  const tests = readSkipped()
  if (tests.length === 0) return { passed: 0, failed: 0, skipped: 0 }
  const titles = tests.map(({ title }) => `--match=${title}`)
  return await runTests([...new Set(tests.map(({ file }) => file))], [...titles, ...flags])
}

/** @param {string[]} files none for all
 * @param {string[]} flags */
async function runTests(files, flags) {
  const ava = join(dirname(require.resolve('ava')), 'cli.mjs')
  const compiled = files.map(file => join('dist', file.replace(/\.ts$/, '.js')))
  rmSync(skippedFile, { force: true })
  const color = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}
  const { code, output } = await run(process.execPath, [ava, ...compiled, ...flags], {
    cwd: root,
    env: { ...color, ...process.env, IBA_SKIPPED_TESTS: skippedFile },
    show: true,
  })
  return countTests(output, code)
}

/** Lint and layout.
 * @returns {string[]} those that failed */
function runChecks() {
  const colors = process.stdout.isTTY ? 'force' : 'off'
  const biome = require.resolve('@biomejs/biome/bin/biome')
  /** @type {Record<string, string[]>} */
  const checks = {
    biome: [biome, 'ci', '--error-on-warnings', `--colors=${colors}`, '.'],
    'clang-format': [join(root, 'scripts', 'setup', 'format-native.mjs')],
  }
  return Object.entries(checks).flatMap(([name, args]) => {
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
    return status === 0 ? [] : [name]
  })
}
