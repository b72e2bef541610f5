import { readFileSync } from 'node:fs'
import test from 'ava'
import { AttributionError, errorClasses, errorCodes } from '../../lib/foundation/errors.js'
import { addon } from '../../lib/native/addon.js'
import { fromNative } from '../../lib/native/call.js'

const native = (code: string) => Object.assign(new Error('what is wrong'), { code })

test('every native code has a class, but that of an abort', t => {
  t.true(addon().errorCodes().length > 10)
  for (const code of addon().errorCodes()) {
    const error = fromNative(native(code)) as Error & { code: unknown }
    if (code === 'ABORTED') t.is(error.name, 'AbortError')
    else t.true(error instanceof AttributionError && error.code === code, code)
  }
  const other = native('ENOENT')
  t.is(fromNative(other), other)
})

test('every class has a code of its own, its name and its cause', t => {
  t.is(new Set(errorCodes).size, errorClasses.length)
  for (const Class of errorClasses) {
    const error = new Class('what is wrong', { cause: 5 })
    t.deepEqual(
      [error.name, error.code, error.message, error.cause],
      [Class.name, Class.code, 'what is wrong', 5],
    )
  }
})

test('docs/api.md lists the codes of all errors', t => {
  const page = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8')
  const section = page.slice(page.indexOf('\n## Errors')).split('\n## ')[1]!
  t.deepEqual(
    [...section.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, code]) => code),
    [...errorCodes],
  )
})
