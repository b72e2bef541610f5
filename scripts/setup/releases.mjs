/** The LibTorch that is fetched where none is found. */
export const defaultVersion = '2.13.0'

/** SHA-256 of the official archives for processors; other versions are checked only if LIBTORCH_SHA256 says how.
 * @type {Record<string, Record<string, string>>} */
const published = {
  'linux-x64': {
    '2.13.0': 'edbf4cbed78433d803e90a65f1752e57783d164bce66c95c0872b2ab8f5c159e',
    '2.14.0': 'f6daed444feccb275704191676062a648909670cd09b0af402113f36105c1ddc',
  },
  'darwin-arm64': {
    '2.13.0': '1e10c6c4dc2764150c9fb2ad28e1889191302734e7f939108e5d2f22f21a06f8',
    '2.14.0': '70042e46d70f91f0293a562b8bfa49de862fcca96902df904db7bff7527504d9',
  },
}

/** @typedef {{ url: string, sha256: string | null }} Archive */

/** The official archive of a version, or null where none is published (Linux on ARM has only wheels).
 * @param {string} version
 * @param {string} [target]
 * @returns {Archive | null} */
export function officialArchive(version, target = `${process.platform}-${process.arch}`) {
  const names = /** @type {Record<string, string>} */ ({
    'linux-x64': `libtorch-shared-with-deps-${version}%2Bcpu.zip`,
    'darwin-arm64': `libtorch-macos-arm64-${version}.zip`,
  })
  const name = names[target]
  if (!name) return null
  const sha256 = published[target]?.[version] ?? null
  return { url: `https://download.pytorch.org/libtorch/cpu/${name}`, sha256 }
}
