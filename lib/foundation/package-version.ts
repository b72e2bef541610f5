import { readFileSync } from 'node:fs'

const packageFile = new URL('../../../package.json', import.meta.url) // seen from dist/lib/foundation

/** The version of this package. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }
  return version
}
