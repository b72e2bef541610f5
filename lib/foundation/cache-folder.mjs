// Plain JavaScript, because the set-up needs it before TypeScript is compiled.
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** The folder for what can be fetched or computed again: `IBA_CACHE`, or `attribution-bottleneck` in the folder that
 * `XDG_CACHE_HOME` names, or else in `~/Library/Caches` (macOS), `%LOCALAPPDATA%` (Windows) or `~/.cache`. It is not created
 * here.
 * @param {Record<string, string | undefined>} [env]
 * @param {NodeJS.Platform} [platform]
 * @returns {string} an absolute path */
export function cacheFolder(env = process.env, platform = process.platform) {
  if (env.IBA_CACHE) return resolve(env.IBA_CACHE)
  return join(userCaches(env, platform), 'attribution-bottleneck')
}

/** @param {Record<string, string | undefined>} env
 * @param {NodeJS.Platform} platform */
function userCaches({ XDG_CACHE_HOME, HOME, LOCALAPPDATA }, platform) {
  // The XDG specification asks to ignore relative paths.
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return XDG_CACHE_HOME
  if (platform === 'win32') return LOCALAPPDATA || join(homedir(), 'AppData', 'Local')
  return join(HOME || homedir(), ...(platform === 'darwin' ? ['Library', 'Caches'] : ['.cache']))
}
