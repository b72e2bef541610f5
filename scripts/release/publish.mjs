// Publishes the tarballs that `npm run packages` packed, those of binaries first, so that nobody gets a main package
// without them. What is published already is left alone; `--dry-run` publishes nothing.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runScript, SetupFailure } from '../../lib/install/failure.mjs'
import { run, say, tail } from '../../lib/install/process.mjs'
import { root } from '../setup/paths.mjs'
import { inOrder } from './local-registry.mjs'

const { values } = parseArgs({
  options: {
    packages: { type: 'string', default: join(root, 'build', 'packages') },
    'dry-run': { type: 'boolean', default: false },
  },
})

await runScript(async () => {
  const packed = await inOrder(values.packages)
  const here = packed.map(({ name, version }) => `${name}@${version}`)
  for (const { file, name, version, wanted } of packed) {
    if (await isPublished(`${name}@${version}`)) {
      say(`${name} ${version} is published already`)
      continue
    }
    // Some package managers refuse a package for one of its optional dependencies that isn't there at all.
    for (const one of wanted)
      if (!here.includes(one) && !(await isPublished(one)))
        throw new SetupFailure(`${name} asks for ${one}, which is nowhere`, 'Build it on its platform first.')
    // Where it was built can only be proven in a workflow.
    const provenance = process.env.GITHUB_ACTIONS ? ['--provenance'] : []
    const options = ['--access', 'public', ...provenance, ...(values['dry-run'] ? ['--dry-run'] : [])]
    const { code, output } = await run('npm', ['publish', file, ...options])
    if (code !== 0)
      throw new SetupFailure(`npm publish ${name} failed:\n${tail(output)}`, 'Put right what it names.')
    say(`${values['dry-run'] ? 'would publish' : 'published'} ${name} ${version}`)
  }
})

/** @param {string} wanted name and version */
async function isPublished(wanted) {
  const { code, output } = await run('npm', ['view', wanted, 'version'])
  return code === 0 && output.trim() !== ''
}
