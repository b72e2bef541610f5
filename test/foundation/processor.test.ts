import test from 'ava'
import { instructionsOf, multipliesBfloat16, readFlags } from '../../lib/foundation/processor.js'

test('the instructions that matter are named, whole words only', t => {
  t.deepEqual(instructionsOf(''), [])
  t.deepEqual(instructionsOf(' fpu sse2 avx2 avx512f avx512_bf16 amx_tile amx_bf16'), [
    'AVX2',
    'AVX-512',
    'AVX-512-BF16',
    'AMX-BF16',
  ])
  t.deepEqual(instructionsOf('avx amx_tile'), [])
})

test('matrix units and vectors for bfloat16 both count', t => {
  t.true(multipliesBfloat16('avx512f amx_tile amx_bf16'))
  t.true(multipliesBfloat16('avx512f avx512_bf16'))
  t.false(multipliesBfloat16('avx2 avx512f amx_tile'))
  t.false(multipliesBfloat16(''))
})

test('where the system tells no flags there are none', t => {
  t.is(readFlags('/nowhere/cpuinfo'), '')
})
