import test from 'ava'
import { run } from '../../lib/install/process.mjs'
import { root } from '../../scripts/setup/paths.mjs'

test('require gets the server, and the one that import gets', async t => {
  const program = `
    const { attributionServer, createServer } = require('attribution-bottleneck/server')
    import('attribution-bottleneck/server').then(imported => {
      console.log(imported.createServer === createServer, typeof attributionServer)
      return createServer({ models: [] })
    }).catch(error => console.log(error.code))
  `
  const { code, output } = await run(process.execPath, ['--no-warnings', '-e', program], { cwd: root })
  t.is(code, 0, output)
  t.is(output, 'true function\nINVALID_ARGUMENT\n')
})
