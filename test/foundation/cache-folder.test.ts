import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import test from 'ava'
import { cacheFolder } from '../../lib/foundation/cache-folder.mjs'

test('the cache is where the platform keeps caches', t => {
  const env = { HOME: '/home/ada' }
  t.is(cacheFolder(env, 'linux'), '/home/ada/.cache/attribution-bottleneck')
  t.is(cacheFolder(env, 'darwin'), '/home/ada/Library/Caches/attribution-bottleneck')
  t.is(cacheFolder({ ...env, LOCALAPPDATA: '/ada/Local' }, 'win32'), '/ada/Local/attribution-bottleneck')
  t.true(cacheFolder({}, 'linux').startsWith(join(homedir(), '.cache')))
  t.true(cacheFolder({}, 'win32').startsWith(join(homedir(), 'AppData', 'Local')))
})

test('XDG_CACHE_HOME moves the cache, unless it is relative', t => {
  for (const platform of ['linux', 'darwin'] as const) {
    const env = { HOME: '/home/ada', XDG_CACHE_HOME: '/xdg' }
    t.is(cacheFolder(env, platform), '/xdg/attribution-bottleneck')
    const relative = { ...env, XDG_CACHE_HOME: 'xdg' }
    t.is(cacheFolder(relative, platform), cacheFolder({ HOME: '/home/ada' }, platform))
  }
})

test('IBA_CACHE is the cache, absolute where it is relative', t => {
  t.is(cacheFolder({ IBA_CACHE: '/somewhere', XDG_CACHE_HOME: '/xdg' }), '/somewhere')
  t.is(cacheFolder({ IBA_CACHE: 'somewhere' }), resolve('somewhere'))
})
