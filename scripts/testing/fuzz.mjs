// Feeds damaged files to every reader: `npm run fuzz [-- NAME...] [SECONDS]`, a minute each without a number. The readers of
// the core are fed by libFuzzer, which needs Clang; those in TypeScript by fuzz-readers.ts. What was found is kept in
// build/fuzz/found. The last line counts the readers.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { ensureLibTorch } from '../../lib/install/ensure-libtorch.mjs'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { answers, run, say, tail } from '../../lib/install/process.mjs'
import { buildFolder, root } from '../setup/paths.mjs'
import { filesBelow } from '../setup/stamp.mjs'

const defaultSeconds = 60
/** Those in TypeScript are small. */
const scriptedShare = 1 / 4
/** One more than there are cores, as they wait for files now and then. */
const readersAtOnce = availableParallelism() + 1
/** For whatever a file of some kilobytes makes a reader allocate, beside LibTorch itself. */
const limits = ['-rss_limit_mb=1024', '-malloc_limit_mb=256', '-timeout=25', '-max_len=8192']
const program = join(root, 'dist', 'scripts', 'testing', 'fuzz-readers.js')
const folder = join(buildFolder, 'fuzz')

await runScript(async () => {
  const { names, seconds } = parse(process.argv.slice(2))
  const found = join(folder, 'found')
  mkdirSync(found, { recursive: true })
  const native = nativeReaders()
  const scripted = scriptedReaders()
  const chosen = names.length > 0 ? names : [...native, ...scripted]
  for (const name of chosen) {
    if (![...native, ...scripted].includes(name))
      throw new SetupFailure(
        `there is no reader '${name}'`,
        `Name some of ${[...native, ...scripted].join(', ')}.`,
      )
  }
  const built = await build(chosen.filter(name => native.includes(name)))
  const waiting = chosen.filter(name => scripted.includes(name) || built)
  let [passed, failed] = [0, 0]
  const work = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      const { code, output } = await (native.includes(name) ? fuzzNative : fuzzScripted)(name, seconds)
      const executions = /(?:number_of_executed_units: |^)(\d+)(?: executions)?$/m.exec(output)?.[1] ?? '0'
      console.log(`${name}: ${executions} executions, ${code === 0 ? 'nothing found' : `a find in ${found}`}`)
      if (code === 0) passed++
      else failed++
      if (code !== 0) console.log(tail(output, 60))
    }
  }
  await Promise.all(Array.from({ length: readersAtOnce }, work))
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
})

/** @param {string[]} words */
function parse(words) {
  const numbers = words.filter(word => /^\d+$/.test(word))
  const seconds = Number(numbers[0] ?? defaultSeconds)
  if (numbers.length > 1 || seconds === 0)
    throw new SetupFailure(`'${words.join(' ')}' has no single number of seconds`, 'Give it once, from 1 on.')
  return { names: words.filter(word => !numbers.includes(word)), seconds }
}

/** @returns {string[]} */
function nativeReaders() {
  const sources = filesBelow('native/test/fuzz').filter(file => /fuzz\/[^/]+\.cc$/.test(file))
  return sources.map(file => basename(file, '.cc'))
}

/** @returns {string[]} */
function scriptedReaders() {
  return spawnSync(process.execPath, [program], { encoding: 'utf8' }).stdout.trim().split('\n')
}

/** Builds the targets of these readers. Without Clang they are left out.
 * @param {string[]} names
 * @returns {Promise<boolean>} */
async function build(names) {
  if (names.length === 0) return false
  const source = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n'
  const options = ['-x', 'c++', '-fsanitize=fuzzer', '-o', '/dev/null', '-']
  if (!answers('clang++', options, { input: source })) {
    say(
      "the core's readers are left out: Clang with libFuzzer is missing (apt-get install clang libclang-rt-14-dev)",
    )
    return false
  }
  const env = { ...process.env, LIBTORCH: (await ensureLibTorch()).folder }
  const generator = answers('ninja', ['--version']) ? ['-G', 'Ninja'] : []
  await need('cmake', ['--preset', 'fuzz', ...generator], env)
  const targets = names.map(name => `fuzz_${name}`)
  await need(
    'cmake',
    [
      '--build',
      folder,
      '--parallel',
      process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism()),
      '--target',
      ...targets,
    ],
    env,
  )
  return true
}

/** @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env */
async function need(command, args, env) {
  const { code, output } = await run(command, args, { cwd: root, env })
  if (code !== 0)
    throw new SetupFailure(
      `${command} ${args.join(' ')} failed:\n${tail(output, 30)}`,
      'Put right what it names.',
    )
}

/** New inputs that reach something new are kept beside the build; the seeds are part of the sources.
 * @param {string} name
 * @param {number} seconds */
async function fuzzNative(name, seconds) {
  const finds = join(folder, 'corpus', name)
  mkdirSync(finds, { recursive: true })
  const sources = join(root, 'native', 'test', 'fuzz')
  const seeds = join(sources, 'corpus', name)
  const options = [...limits, `-max_total_time=${seconds}`, '-print_final_stats=1']
  const kept = `-artifact_prefix=${join(folder, 'found', name)}-`
  const env = {
    ...process.env,
    ASAN_OPTIONS: 'quarantine_size_mb=32:malloc_context_size=8',
    LSAN_OPTIONS: `suppressions=${join(sources, 'leak-sanitizer.supp')}:print_suppressions=0`,
    UBSAN_OPTIONS: 'print_stacktrace=1',
    OMP_NUM_THREADS: '1',
    // Each input is written as a file.
    ...(existsSync('/dev/shm') && { TMPDIR: '/dev/shm' }),
  }
  const corpus = [finds, ...(existsSync(seeds) ? [seeds] : [])]
  return await run(join(folder, `fuzz_${name}`), [...options, kept, ...corpus], { cwd: root, env })
}

/** @param {string} name
 * @param {number} seconds */
async function fuzzScripted(name, seconds) {
  return await run(process.execPath, [program, name, String(Math.ceil(seconds * scriptedShare))], {
    cwd: root,
  })
}
