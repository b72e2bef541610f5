import { createRequire } from 'node:module'
import { join } from 'node:path'
import { packageRoot } from '../../lib/native/packages.mjs'

/** The package's folder, also when this file runs from dist/. */
export const root = packageRoot

/** Resolves what the package depends on, wherever npm put it. */
export const require = createRequire(join(root, 'package.json'))

/** What a build leaves. */
export const buildFolder = join(root, 'build')
