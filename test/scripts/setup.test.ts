import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { checkPlatform, thisMachine } from '../../lib/install/platform.mjs'
import { packagesAreCurrent } from '../../scripts/setup/dependencies.mjs'
import { alone } from '../../scripts/setup/lock.mjs'
import { removeIntermediates } from '../../scripts/setup/native.mjs'
import { checkTools } from '../../scripts/setup/tools.mjs'
import { failureOf, pathWith, temporaryFolder } from '../support/setup.js'

test('machines that LibTorch does not run on are refused', async t => {
  const fine = { platform: 'linux', arch: 'x64', musl: false, node: '22.20.0' }
  t.notThrows(() => checkPlatform(fine))
  t.notThrows(() => checkPlatform({ ...fine, platform: 'darwin', arch: 'arm64', node: '26.0.0' }))
  t.false(thisMachine().musl && existsSync('/etc/debian_version'))
  const cases: [Partial<typeof fine>, RegExp][] = [
    [{ musl: true }, /musl instead of glibc[\s\S]*node:22-bookworm/],
    [{ platform: 'win32' }, /Windows is not supported\nUse the Windows Subsystem for Linux/],
    [{ platform: 'freebsd' }, /freebsd is not supported/],
    [{ platform: 'darwin' }, /Intel processors/],
    [{ node: '20.18.3' }, /Node 20\.18\.3 is not supported by the tools.*\nInstall Node 20\.19/],
    [{ node: '23.5.0' }, /not supported/],
    [{ node: '24.1.0' }, /not supported/],
  ]
  for (const [machine, expected] of cases)
    t.regex(await failureOf(() => checkPlatform({ ...fine, ...machine })), expected)
})

test('missing tools are named, with the command that installs them', async t => {
  const folder = temporaryFolder(t)
  const path = (name: string, programs: string[]) => ({ PATH: pathWith(join(folder, name), programs) })
  const shell = ['sh', 'env']
  t.regex(await failureOf(() => checkTools(path('a', shell))), /CMake was not found\nInstall it:/)
  t.regex(
    await failureOf(() => checkTools(path('b', [...shell, 'cmake']))),
    /neither make nor ninja was found/,
  )
  const bare = path('c', [...shell, 'cmake', 'make', 'ninja'])
  t.regex(
    await failureOf(() => checkTools(bare)),
    /no C\+\+ compiler was found \(tried c\+\+, g\+\+, clang\+\+\)/,
  )
  t.regex(await failureOf(() => checkTools({ ...bare, CXX: '/nowhere/cc' })), /tried \/nowhere\/cc/)
  const old = join(folder, 'old-compiler')
  writeFileSync(old, '#!/bin/sh\ntest "$1" = --version\n', { mode: 0o755 })
  t.regex(await failureOf(() => checkTools({ ...bare, CXX: old })), /old-compiler doesn't know C\+\+20/)
  t.notThrows(() => checkTools())
})

test('npm packages are installed again only if the lock file asks for others', t => {
  const folder = temporaryFolder(t)
  t.false(packagesAreCurrent(folder))
  const write = (file: string, packages: object) =>
    writeFileSync(join(folder, file), JSON.stringify({ packages }))
  mkdirSync(join(folder, 'node_modules'))
  write('package-lock.json', { '': {}, a: { version: '1.0.0' }, b: { version: '1.0.0', optional: true } })
  write('node_modules/.package-lock.json', { a: { version: '1.0.0' } })
  t.true(packagesAreCurrent(folder))
  write('node_modules/.package-lock.json', { a: { version: '0.9.0' } })
  t.false(packagesAreCurrent(folder))
})

test.serial('one set-up at a time works in a folder, and a dead one holds nobody up', async t => {
  const times = { heartbeat: 20, patience: 1000 }
  // What a full disk, a killed process and one of another machine leave; this process lives, but the lock is not its own.
  for (const left of ['', '999999999', `process ${process.pid} on elsewhere, 0`]) {
    const file = join(temporaryFolder(t), 'lock')
    writeFileSync(file, left)
    const events: string[] = []
    const work = (name: string) => async () => {
      events.push(name)
      await new Promise(resolve => setTimeout(resolve, 50))
      events.push(name)
    }
    const names = ['a', 'b', 'c']
    await Promise.all(names.map(name => alone(work(name), file, times)))
    t.is(events.length, 6)
    for (const i of [0, 2, 4]) t.is(events[i], events[i + 1])
    t.false(existsSync(file))
  }
})

test.serial('a set-up that lives is waited for, and named in the end', async t => {
  const file = join(temporaryFolder(t), 'lock')
  let finish = () => {}
  const working = alone(() => new Promise<void>(resolve => (finish = resolve)), file, { heartbeat: 20 })
  const message = await failureOf(() =>
    alone(async () => {}, file, { heartbeat: 20, patience: 60_000, limit: 1000 }),
  )
  t.regex(
    message,
    new RegExp(`not done \\(process ${process.pid} on .*; its lock is ${file}\\)\n.*remove ${file}`),
  )
  finish()
  await working
  t.false(existsSync(file))
})

test('a lock that can not be written is not left behind', t => {
  const file = join(temporaryFolder(t), 'lock')
  const lock = new URL('../../../scripts/setup/lock.mjs', import.meta.url).href
  const script = `const { alone } = await import('${lock}'); await alone(async () => console.log('worked'), '${file}')`
  // Files of no bytes can be made, but nothing can be written, as on a full disk.
  const full = 'trap "" XFSZ; ulimit -f 0; exec "$0" --input-type=module -e "$1"'
  const { stdout, stderr } = spawnSync('bash', ['-c', full, process.execPath, script], { encoding: 'utf8' })
  t.false(stdout.includes('worked'))
  t.regex(stderr, /EFBIG/)
  t.false(existsSync(file))
})

test('an installed package keeps what was built, and nothing that it was built with', t => {
  const folder = temporaryFolder(t)
  for (const name of ['Release', 'CMakeFiles/core.dir', 'source/node_modules'])
    mkdirSync(join(folder, name), { recursive: true })
  for (const name of ['.lock', 'Release/a.node', 'CMakeFiles/core.dir/cmake_pch.hxx.gch', 'libcore.a'])
    writeFileSync(join(folder, name), '')
  removeIntermediates(folder)
  t.deepEqual(readdirSync(folder, { recursive: true }).sort(), ['.lock', 'Release', 'Release/a.node'])
})
