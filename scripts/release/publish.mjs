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
  for (const { file, name, version } of await inOrder(values.packages)) {
    const known = await run('npm', ['view', `${name}@${version}`, 'version'])
    if (known.code === 0 && known.output.trim() !== '') {
      say(`${name} ${version} is published already`)
      continue
    }
    // Where it was built can only be proven in a workflow.
    const provenance = process.env.GITHUB_ACTIONS ? ['--provenance'] : []
    const options = ['--access', 'public', ...provenance, ...(values['dry-run'] ? ['--dry-run'] : [])]
    const { code, output } = await run('npm', ['publish', file, ...options])
    if (code !== 0)
      throw new SetupFailure(`npm publish ${name} failed:\n${tail(output)}`, 'Put right what it names.')
    say(`${values['dry-run'] ? 'would publish' : 'published'} ${name} ${version}`)
  }
})
