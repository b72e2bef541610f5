import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { methodNames } from '../../lib/index.js'
import { run } from '../../lib/install/process.mjs'
import { iba } from '../support/command.js'
import { shell, testNeeding } from '../support/requirements.js'

const folder = mkdtempSync(join(tmpdir(), 'iba-completion-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const shells = ['bash', 'zsh', 'fish'] as const

/** The script of a shell, as a file. */
async function scriptFor(name: (typeof shells)[number]): Promise<string> {
  const { code, stdout, stderr } = await iba(['completion', name])
  if (code !== 0) throw new Error(stderr)
  const file = join(folder, `script.${name}`)
  writeFileSync(file, stdout)
  return file
}

/** What bash offers for the last of the words that were typed. */
async function offered(script: string, words: readonly string[]): Promise<string[]> {
  const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _iba; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { code, output } = await run('bash', ['-c', program, 'bash', script, ...words])
  if (code !== 0) throw new Error(output)
  return output.split('\n').filter(line => line !== '')
}

for (const name of shells) {
  testNeeding(shell(name))(`${name} can read its script`, async t => {
    const { code, output } = await run(name, ['-n', await scriptFor(name)])
    t.is(code, 0, output)
    t.is(output, '')
  })
}

const inBash = testNeeding(shell('bash'))

inBash('bash completes commands, options and values as the help has them', async t => {
  const script = await scriptFor('bash')
  const commands = await offered(script, ['iba', ''])
  const { stdout: help } = await iba(['--help'])
  const named = [...help.matchAll(/^ {2}([a-z][a-z-]+)(?: |$)/gm)].map(([, word]) => word!)
  t.deepEqual(commands.toSorted(), named.filter(word => !['iba', 'help'].includes(word)).toSorted())
  t.true(commands.length > 12)

  for (const command of commands) {
    const { stdout } = await iba([command, '--help'])
    const flags = new Set(
      [...stdout.matchAll(/^ {2}(?:(-\w), )?(--?[a-z][\w-]*)/gm)].flatMap(([, ...found]) => found),
    )
    flags.delete(undefined!)
    const options = await offered(script, ['iba', command, '-'])
    for (const flag of flags) t.true(options.includes(flag), `${command} ${flag}`)
  }
  t.deepEqual(await offered(script, ['iba', 'att']), ['attribute'])
  t.deepEqual(await offered(script, ['iba', 'attribute', '--save']), ['--save-capacity'])
  t.deepEqual(await offered(script, ['iba', 'attribute', '--method', 'smoothgrad']), ['smoothgrad'])
  t.deepEqual(await offered(script, ['iba', 'attribute', 'a.png', '--method', '']), [...methodNames])
  t.deepEqual(await offered(script, ['iba', 'attribute', '--precision', '=', 'b']), ['bfloat16'])
  t.deepEqual(await offered(script, ['iba', 'attribute', '-m', 'resnet5']), ['resnet50'])
  t.deepEqual(await offered(script, ['iba', 'weights', '']), ['get', 'list', 'inspect'])
  t.deepEqual(await offered(script, ['iba', 'weights', 'get', 'efficientnet-lite2']), ['efficientnet-lite2'])
  t.deepEqual(await offered(script, ['iba', 'completion', '']), [...shells])
  t.deepEqual(await offered(script, ['iba', 'attribute', '']), [], 'files are left to bash')
  t.deepEqual(await offered(script, ['iba', 'attribute', 'm']), ['merge'])
  t.deepEqual(await offered(script, ['iba', 'attribute', 'merge', '--js']), ['--json'])
})

testNeeding(shell('fish'))('fish completes them with their summaries', async t => {
  const script = await scriptFor('fish')
  const lines = async (typed: string) =>
    (await run('fish', ['--no-config', '-c', `source ${script}; complete -C '${typed}'`])).output.split('\n')
  const commands = await lines('iba ')
  t.true(commands.includes('doctor\tcheck the installation'), commands.join('\n'))
  t.deepEqual(
    (await lines('iba weights in')).map(line => line.split('\t')[0]),
    ['inspect', ''],
  )
  t.true((await lines('iba attribute --save')).some(line => line.startsWith('--save-capacity\t')))
  t.deepEqual(
    (await lines('iba attribute --method smoothg')).map(line => line.split('\t')[0]),
    ['smoothgrad', ''],
  )
  t.false((await lines('iba weights ')).some(line => line.startsWith('doctor')))
})

testNeeding(shell('zsh'))('zsh completes them in a terminal of its own', async t => {
  const script = await scriptFor('zsh')
  const program = `
    zmodload zsh/zpty
    zpty terminal zsh -f -i
    ask() { zpty -w terminal "$1"; zpty -r terminal answer "*$2*"; print -r -- "$answer" }
    ask "PS1=; autoload -U compinit && compinit -u -D; source ${script}; print rea''dy" ready
    ask $'iba weights ins\t /nowhere' 'nowhere'
    ask $'iba attribute --save\t' 'capacity'
    ask $'iba attribute --method smoothg\t' 'smoothgrad'`
  const { code, output } = await run('zsh', ['-f', '-c', program])
  t.is(code, 0, output)
  t.regex(output, /inspect[\s\S]*--save-capacity[\s\S]*smoothgrad/)
})

test('an unknown shell is refused with those that there are', async t => {
  const { code, stderr } = await iba(['completion', 'csh'])
  t.is(code, 2)
  t.regex(stderr, /bash, zsh, fish/)
})
