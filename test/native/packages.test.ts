import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loadAddon } from '../../lib/native/load.js'
import { unpackedFolder } from '../../lib/native/packages.mjs'
import { temporaryFolder } from '../support/setup.js'

test("native code reads what lies beside one of Electron's archives", t => {
  const folder = temporaryFolder(t)
  const within = (archive: string) => join(folder, archive, 'node_modules', 'attribution-bottleneck')
  for (const archive of ['app.asar', 'app.asar.unpacked', 'other.asar', 'plain']) {
    mkdirSync(within(archive), { recursive: true })
    writeFileSync(join(within(archive), 'package.json'), '{}')
  }
  t.is(unpackedFolder(within('app.asar')), within('app.asar.unpacked'))
  for (const archive of ['app.asar.unpacked', 'other.asar', 'plain'])
    t.is(unpackedFolder(within(archive)), within(archive))
})

test('the add-on lends JavaScript no memory, which Electron refuses', t => {
  const names = readFileSync(loadAddon().path, 'latin1')
  t.true(names.includes('napi_create_arraybuffer'))
  for (const refused of ['napi_create_external_arraybuffer', 'napi_create_external_buffer'])
    t.false(names.includes(refused), refused)
})
