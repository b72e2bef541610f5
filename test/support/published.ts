import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { layOutBindings, layOutMain, pack } from '../../scripts/release/lay-out.mjs'
import { configuredRegistry, publish, startRegistry } from '../../scripts/release/local-registry.mjs'
import { notices } from '../../scripts/release/notices.mjs'
import { root } from '../../scripts/setup/paths.mjs'

/** The packages of this platform as they would be published, LibTorch's left out: it would take minutes to pack.
 * @returns the registry on this machine that has them */
export async function publishAll(folder: string): Promise<{ url: string; close(): void }> {
  const packages = join(folder, 'packages')
  writeFileSync(join(root, 'dist', 'THIRD-PARTY-NOTICES.txt'), notices())
  await layOutMain(join(packages, 'main'), { scripts: false })
  layOutBindings(join(packages, 'bindings'), { from: join(root, 'build', 'Release') })
  for (const name of ['main', 'bindings']) await pack(join(packages, name), join(packages, 'tarballs'))
  const registry = await startRegistry(join(folder, 'registry'), await configuredRegistry())
  await publish(packages, join(folder, 'publisher'), registry.url)
  return registry
}
