import { readFileSync } from 'node:fs'

/** The instructions that decide how fast networks run, by what Linux calls them. */
const instructions = {
  avx2: 'AVX2',
  avx512f: 'AVX-512',
  avx512_bf16: 'AVX-512-BF16',
  amx_bf16: 'AMX-BF16',
} as const

/** What Linux says of the processor's instructions; '' on other systems. */
export function readFlags(path = '/proc/cpuinfo'): string {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? ''
  } catch {
    return ''
  }
}

/** Those of AVX2, AVX-512, AVX-512-BF16 and AMX-BF16 that the processor has, of its flags as Linux tells them. */
export function instructionsOf(flags: string): string[] {
  const has = new Set(flags.split(' '))
  return Object.entries(instructions).flatMap(([flag, name]) => (has.has(flag) ? [name] : []))
}

/** Whether a processor with these flags multiplies numbers of bfloat16 faster than those of float32. */
export function multipliesBfloat16(flags = readFlags()): boolean {
  const has = instructionsOf(flags)
  return has.includes(instructions.amx_bf16) || has.includes(instructions.avx512_bf16)
}
