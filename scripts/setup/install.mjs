// Runs when npm installs the package: fetches LibTorch if there is none, and builds only if no prebuilt binding fits.
import { findLibTorch } from '../../lib/native/find-libtorch.mjs'
import { ensureLibTorch } from './ensure-libtorch.mjs'
import { runScript } from './failure.mjs'
import { buildNative } from './native.mjs'
import { isSourceTree } from './paths.mjs'
import { checkPlatform } from './platform.mjs'
import { hasPrebuild } from './prebuilt.mjs'

// A source tree is set up by scripts/setup.mjs, and `npm ci` there must not depend on compilers.
if (!isSourceTree()) await runScript(install)

async function install() {
  checkPlatform()
  const { libtorch } = findLibTorch({ refuse: found => (hasPrebuild(found) ? null : 'no prebuilt binding') })
  if (libtorch) return
  const fetched = await ensureLibTorch()
  if (!hasPrebuild(fetched)) await buildNative(fetched)
}
