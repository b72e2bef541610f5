// The core's own tests, in C++: `npm run test:native [-- address|thread]`. The last line counts them.
import { availableParallelism } from 'node:os'
import { ensureLibTorch } from '../../lib/install/ensure-libtorch.mjs'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { answers, run, say } from '../../lib/install/process.mjs'
import { buildFolder, root } from '../setup/paths.mjs'

const sanitizers = ['address', 'thread']

/** Builds the tests and runs them.
 * @param {string} [sanitizer] none: in the build that the add-on comes from
 * @returns {Promise<{ passed: number, failed: number }>} */
export async function testNative(sanitizer) {
  if (!hasDoctest()) {
    say(
      "the core's own tests are skipped: doctest is missing (apt-get install doctest-dev, brew install doctest)",
    )
    return { passed: 0, failed: 0 }
  }
  const env = { ...process.env, LIBTORCH: (await ensureLibTorch()).folder }
  const parallel = ['--parallel', process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism())]
  if (sanitizer) await need('cmake', ['--preset', sanitizer, ...generator()], env)
  const build = sanitizer ? ['--preset', sanitizer] : [buildFolder, '--target', 'core_test']
  await need('cmake', ['--build', ...build, ...parallel], env)
  const place = sanitizer ? ['--preset', sanitizer] : ['--test-dir', buildFolder]
  const { code, output } = await run('ctest', [...place, '--verbose'], { cwd: root, env })
  const { passed, failed } = count(output, code)
  if (failed > 0) console.log(output)
  return { passed, failed }
}

function hasDoctest() {
  const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++']
  const input = '#include <doctest/doctest.h>\n'
  return compilers.some(compiler => answers(compiler, ['-E', '-x', 'c++', '-'], { input }))
}

/** @returns {string[]} */
function generator() {
  return answers('ninja', ['--version']) ? ['-G', 'Ninja'] : []
}

/** @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env */
async function need(command, args, env) {
  const { code, output } = await run(command, args, { cwd: root, env })
  if (code === 0) return
  throw new SetupFailure(`${command} ${args.join(' ')} failed:\n${output}`, 'Put right what is named above.')
}

/** Adds up what doctest says of each folder. A program that ends without saying so has failed.
 * @param {string} output
 * @param {number} code */
function count(output, code) {
  const lines = output.matchAll(/test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed/g)
  let [passed, failed] = [0, 0]
  for (const [, ofPassed, ofFailed] of lines) {
    passed += Number(ofPassed)
    failed += Number(ofFailed)
  }
  return { passed, failed: failed === 0 && (code !== 0 || passed === 0) ? 1 : failed }
}

if (process.argv[1] === import.meta.filename) {
  await runScript(async () => {
    const [sanitizer, ...rest] = process.argv.slice(2)
    if (rest.length > 0 || (sanitizer !== undefined && !sanitizers.includes(sanitizer)))
      throw new SetupFailure(
        `'${process.argv.slice(2).join(' ')}' is no sanitizer`,
        `Name one of ${sanitizers.join(', ')}, or none for the plain tests.`,
      )
    const { passed, failed } = await testNative(sanitizer)
    console.log(`${passed} passed, ${failed} failed`)
    process.exitCode = failed > 0 ? 1 : 0
  })
}
