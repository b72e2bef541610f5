import test from 'ava'
import { csvFields } from '../../lib/foundation/csv.js'

test('fields are split at commas that are not quoted', t => {
  const cases: [string, string[] | undefined][] = [
    ['a,b', ['a', 'b']],
    ['', ['']],
    [',', ['', '']],
    [' a , b ', ['a', 'b']],
    ['"a,b",c', ['a,b', 'c']],
    ['"say ""a""", 3', ['say "a"', '3']],
    ['""', ['']],
    ['a"b,c', ['a"b', 'c']],
    ['"a,b', undefined],
    ['"a"b,c', undefined],
  ]
  for (const [line, fields] of cases) t.deepEqual(csvFields(line), fields, line)
})
