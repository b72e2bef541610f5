import { loadAddon } from '../../lib/native/load.js'

/** The environment of programs with a cache of their own. The LibTorch that this process found may lie in the usual
 * one, so it is named. */
export function ownCache(folder: string): { IBA_CACHE: string; LIBTORCH: string } {
  return { IBA_CACHE: folder, LIBTORCH: loadAddon().libtorch.folder }
}
