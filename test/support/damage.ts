import { readFile, writeFile } from 'node:fs/promises'

/** Puts a number in place of the first one of a floating-point entry of a safetensors file. */
export async function setNumber(path: string, entry: string, value: number): Promise<void> {
  const bytes = await readFile(path)
  const length = Number(bytes.readBigUInt64LE(0))
  const { dtype, data_offsets } = JSON.parse(bytes.toString('utf8', 8, 8 + length))[entry]
  const at = 8 + length + data_offsets[0]
  if (dtype === 'F64') bytes.writeDoubleLE(value, at)
  else bytes.writeFloatLE(value, at)
  await writeFile(path, bytes)
}
