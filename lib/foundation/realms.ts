import { types } from 'node:util'

// Code that Jest, Vitest or node:vm run has globals of its own. What it makes is no instance of ours, and what Node makes is
// none of its. Typed arrays are told by node:util's `types`.

/** Whether it is an error. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value)
}

/** Whether it is a Blob or File. */
export function isBlob(value: unknown): value is Blob {
  return ['Blob', 'File'].includes(tag(value)) && typeof (value as Blob).arrayBuffer === 'function'
}

/** Whether it is a URL. */
export function isUrl(value: unknown): value is URL {
  return tag(value) === 'URL' && typeof (value as URL).href === 'string'
}

/** Whether it is an AbortSignal. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return tag(value) === 'AbortSignal'
}

/** Bytes as packages take them that ask for instances. */
export function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function tag(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}
