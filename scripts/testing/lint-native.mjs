// clang-tidy on the native sources, with the checks of .clang-tidy: `npm run lint:native [-- FILE...]`. All of them
// take several minutes, as each reads LibTorch's headers anew.
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { ensureLibTorch } from '../../lib/install/ensure-libtorch.mjs'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { answers, run, say, tail } from '../../lib/install/process.mjs'
import { buildFolder, require, root } from '../setup/paths.mjs'
import { filesBelow } from '../setup/stamp.mjs'

// GCC's warnings, and OpenMP, whose header each compiler brings for itself.
const unknownToClang = ['-Wno-unknown-warning-option', '-fno-openmp'].map(option => `--extra-arg=${option}`)

await runScript(async () => {
  if (!answers('clang-tidy', ['--version'])) {
    say('the native sources are not checked: clang-tidy is missing (apt-get install clang-tidy)')
    return
  }
  await configure()
  const named = process.argv.slice(2)
  const files = named.length > 0 ? named : filesBelow('native').filter(file => file.endsWith('.cc'))
  const failed = await checkAll(files)
  console.log(`${files.length - failed} files are clean, ${failed} are not`)
  process.exitCode = failed > 0 ? 1 : 0
})

/** The binding is checked too, so CMake is told what cmake-js tells it. */
async function configure() {
  const includes = [
    join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    dirname(require.resolve('node-addon-api/package.json')),
  ]
  const settings = ['-DCMAKE_JS_VERSION=8', `-DCMAKE_JS_INC=${includes.join(';')}`]
  const env = { ...process.env, LIBTORCH: (await ensureLibTorch()).folder }
  const { code, output } = await run('cmake', ['--preset', 'lint', ...settings], { cwd: root, env })
  if (code !== 0) throw new SetupFailure(`CMake failed:\n${tail(output, 30)}`, 'Put right what CMake names.')
}

/** @param {string[]} files
 * @returns {Promise<number>} how many are not clean */
async function checkAll(files) {
  const waiting = [...files]
  let failed = 0
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const options = ['-p', join(buildFolder, 'lint'), '--quiet', ...unknownToClang]
      const { code, output } = await run('clang-tidy', [...options, file], { cwd: root })
      if (code === 0) continue
      failed++
      console.log(output.replace(/^\d+ warnings? .*\n|^Suppressed .*\n|^Use -header-filter.*\n/gm, ''))
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return failed
}
