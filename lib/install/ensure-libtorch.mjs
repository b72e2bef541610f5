import { cacheFolder } from '../foundation/cache-folder.mjs'
import { findLibTorch, listAttempts, OLDEST } from '../native/find-libtorch.mjs'
import { SetupFailure } from './failure.mjs'
import { fetchLibTorch } from './fetch-libtorch.mjs'
import { defaultVersion } from './releases.mjs'

/** @typedef {import('../native/find-libtorch.mjs').LibTorch} LibTorch */
/** @typedef {import('../native/find-libtorch.mjs').Environment} Environment */

/** A LibTorch that is there, or else a fetched one.
 * @param {{ env?: Environment, headers?: boolean, fetch?: typeof fetchLibTorch }} [options] `headers` are needed to
 * build
 * @returns {Promise<LibTorch>} */
export async function ensureLibTorch({ env = process.env, headers = true, fetch = fetchLibTorch } = {}) {
  const first = findLibTorch({ env, headers })
  if (first.libtorch) return first.libtorch
  if (env.LIBTORCH)
    throw new SetupFailure(
      `the LibTorch that LIBTORCH names can't be used:\n${listAttempts(first.tried)}`,
      `Let LIBTORCH name the folder that holds lib/ and include/ of LibTorch ${OLDEST} or later, or unset it.`,
    )
  await fetch(env.IBA_LIBTORCH_VERSION || defaultVersion, cacheFolder(env))
  const { libtorch, tried } = findLibTorch({ env, headers })
  if (libtorch) return libtorch
  throw new SetupFailure(
    `LibTorch was fetched, but can't be used:\n${listAttempts(tried)}`,
    `Remove ${cacheFolder(env)} and try again; IBA_LIBTORCH_VERSION names another version.`,
  )
}
