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

/** One wheel for each platform, whatever Python is there: only its libraries are taken.
 * @typedef {{ platform: string, python?: string, versions: Record<string, string> }} Wheel */

/** SHA-256 of wheels as the Python Package Index publishes them, by package and platform.
 * @type {Record<string, Record<string, Wheel>>} */
const wheels = {
  torch: {
    'linux-x64': {
      platform: 'manylinux_2_28_x86_64',
      python: '3.12',
      versions: {
        '2.13.0': '796633c4cdf0fe2cdced72d8f88f22e73dbcfce83132763162f6d4bff13b820b',
        '2.14.0': 'fecffb58f51fd643d213acd68da21cc3fc19bea05a3bc64b4ee55128f47a4963',
      },
    },
    'linux-arm64': {
      platform: 'manylinux_2_28_aarch64',
      python: '3.12',
      versions: {
        '2.13.0': '572df8be8ffb4599c88cbd6a0726f1f854f4da65d2e3c09f0e2c2283333cd6d4',
        '2.14.0': 'ada340e62591d06a2bcc2d68170f20f45f0b0665d372dc510a8ed7eb3b1d609a',
      },
    },
    'darwin-arm64': {
      platform: 'macosx_14_0_arm64',
      python: '3.12',
      versions: {
        '2.13.0': '2fe228aba290d14b9f31b049be550dbd469c3fd3013d7a19705b30454da97027',
        '2.14.0': 'c1f844f1c750e87df4b68bc3afbc0e2b0c7ef19d7b8f666e48bdcf6a0c4f0056',
      },
    },
  },
  'nvidia-cuda-runtime': {
    'linux-x64': {
      platform: 'manylinux_2_17_x86_64',
      versions: { '13.5.37': 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d' },
    },
    'linux-arm64': {
      platform: 'manylinux_2_17_aarch64',
      versions: { '13.5.37': 'de2dc5a7367974228b0a69588a9acc9340d3768bef1bf38bf0801eb08497cd2d' },
    },
  },
  'nvidia-cuda-cupti': {
    'linux-x64': {
      platform: 'manylinux_2_25_x86_64',
      versions: { '13.5.25': '9dcca41c12a734192b14e7128ae116bc9ce1b9da686e2ebf48ae7a4415f76650' },
    },
    'linux-arm64': {
      platform: 'manylinux_2_25_aarch64',
      versions: { '13.5.25': 'd7e4d908315461b6ecbdadfd3c403cc796ed218b293ad117568c947e811cff28' },
    },
  },
}

/** What to ask pip for, and the SHA-256 of what must come; null where it isn't known.
 * @typedef {{ requirement: string, options: string[], sha256: string | null }} Wanted */

/** @param {string} name
 * @param {string} version one of them, or the beginning of one as '13.*'
 * @param {string} [target]
 * @returns {Wanted} */
export function wantedWheel(name, version, target = `${process.platform}-${process.arch}`) {
  const wheel = wheels[name]?.[target]
  const begin = version.replace(/\*$/, '')
  const known = Object.keys(wheel?.versions ?? {}).find(each =>
    version.endsWith('*') ? each.startsWith(begin) : each === version,
  )
  if (!wheel || known === undefined) return { requirement: `${name}==${version}`, options: [], sha256: null }
  const python = wheel.python ? ['--python-version', wheel.python, '--implementation', 'cp'] : []
  return {
    requirement: `${name}==${known}`,
    options: ['--platform', wheel.platform, ...python],
    sha256: wheel.versions[known] ?? null,
  }
}

/** @typedef {{ url: string, sha256: string | null }} Archive */

/** The official archive of a version, or null where none is published (Linux on ARM has only wheels).
 * @param {string} version
 * @param {string} [target]
 * @param {boolean} [cuda]
 * @returns {Archive | null} */
export function officialArchive(version, target = `${process.platform}-${process.arch}`, cuda = false) {
  if (cuda && target !== 'linux-x64') return null
  const kind = cuda ? 'cu130' : 'cpu'
  const names = /** @type {Record<string, string>} */ ({
    'linux-x64': `libtorch-shared-with-deps-${version}%2B${kind}.zip`,
    'darwin-arm64': `libtorch-macos-arm64-${version}.zip`,
  })
  const name = names[target]
  if (!name) return null
  const sha256 = cuda ? null : (published[target]?.[version] ?? null)
  return { url: `https://download.pytorch.org/libtorch/${kind}/${name}`, sha256 }
}

/** The version to fetch of those that bindings are there for: the usual one, or the newest whose hash is known.
 * @param {string[]} minors
 * @returns {string | null} */
export function versionFor(minors) {
  const known = [...new Set(Object.values(published).flatMap(Object.keys))].sort().reverse()
  return [defaultVersion, ...known].find(version => minors.includes(minorOf(version))) ?? null
}

/** @param {string} version
 * @returns {string} */
export function minorOf(version) {
  return version.split('.').slice(0, 2).join('.')
}
