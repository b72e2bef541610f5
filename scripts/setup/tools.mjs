import { SetupFailure } from '../../lib/install/failure.mjs'
import { answers } from '../../lib/install/process.mjs'

const program =
  '#include <concepts>\ntemplate <std::integral T> T f(T x) { return x; }\nint main() { return f(0); }\n'

/** Checks that what builds the native part is there, before a long build finds out. `env.CXX` names the compiler, as
 * it does for CMake.
 * @param {NodeJS.ProcessEnv} [env] */
export function checkTools(env = process.env) {
  if (!answers('cmake', ['--version'], { env }))
    throw new SetupFailure('CMake was not found', `Install it: ${packagesHint('cmake')}.`)
  if (!['ninja', 'make', 'gmake'].some(command => answers(command, ['--version'], { env })))
    throw new SetupFailure('neither make nor ninja was found', `Install one: ${packagesHint('make')}.`)
  const compilers = env.CXX ? [env.CXX] : ['c++', 'g++', 'clang++']
  const found = compilers.filter(command => answers(command, ['--version'], { env }))
  if (found.length === 0)
    throw new SetupFailure(
      `no C++ compiler was found (tried ${compilers.join(', ')})`,
      `Install one: ${packagesHint('g++')}.`,
    )
  const args = ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-']
  if (!found.some(command => answers(command, args, { env, input: program })))
    throw new SetupFailure(
      `the C++ compiler ${found[0]} doesn't know C++20`,
      'Install g++ 11 or clang 14, or a later version of either, and let CXX name it.',
    )
}

/** @param {string} name */
function packagesHint(name) {
  if (process.platform === 'darwin') return name === 'cmake' ? 'brew install cmake' : 'xcode-select --install'
  return `apt-get install ${name}, dnf install ${name === 'g++' ? 'gcc-c++' : name}, or what your system has`
}
