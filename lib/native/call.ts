import { AttributionError, errorClasses } from '../foundation/errors.js'
import { isError } from '../foundation/realms.js'

/** The error class for what a native call threw; what isn't ours is returned as it is. */
export function fromNative(error: unknown): unknown {
  // Native code makes errors of the realm that it was loaded in, which needn't be ours.
  if (!isError(error) || error instanceof AttributionError) return error
  const code = (error as Error & { code?: unknown }).code
  if (code === 'ABORTED') return new DOMException(error.message, 'AbortError')
  const Class = errorClasses.find(each => each.code === code)
  return Class ? new Class(error.message, { cause: error }) : error
}

/** Runs a native call. Its errors become our classes, and carry the JavaScript stack of this call, which a
 * promise that a native thread rejects would lack. */
export async function callNative<Result>(call: () => Promise<Result>): Promise<Result> {
  const here = new Error()
  try {
    return await call()
  } catch (error) {
    const translated = fromNative(error)
    if (translated instanceof AttributionError && here.stack) {
      translated.stack = `${translated.name}: ${translated.message}${here.stack.slice(here.stack.indexOf('\n'))}`
    }
    throw translated
  }
}

/** As `callNative`, for calls that return at once. */
export function callNativeSync<Result>(call: () => Result): Result {
  try {
    return call()
  } catch (error) {
    throw fromNative(error)
  }
}
