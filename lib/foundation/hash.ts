/** FNV-1a of a text's code points, 32 bits. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193) >>> 0
  return hash
}

/** A hash in the manner of MurmurHash3 of whole numbers, each taken as two words of 32 bits: a seed that depends on each of them and on their
 * order, so that what is drawn for one image of one epoch needs no memory of what was drawn before. */
export function mixSeeds(...numbers: readonly number[]): number {
  let hash = 0x9747b28c
  const take = (word: number) => {
    hash = Math.imul(hash ^ Math.imul(word, 0xcc9e2d51), 0x1b873593)
    hash = ((hash << 13) | (hash >>> 19)) >>> 0
    hash = (Math.imul(hash, 5) + 0xe6546b64) >>> 0
  }
  for (const number of numbers) {
    take(number >>> 0)
    take(Math.floor(number / 2 ** 32) >>> 0)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const castagnoli = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++)
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1
  return remainder >>> 0
})

/** CRC-32 with the polynomial of Castagnoli. */
export function crc32c(content: Uint8Array): number {
  let remainder = 0xffffffff
  for (const byte of content) remainder = castagnoli[(remainder ^ byte) & 255]! ^ (remainder >>> 8)
  return (remainder ^ 0xffffffff) >>> 0
}
