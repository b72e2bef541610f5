import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { ended, iba, makeFolder, network, startIba } from '../support/command.js'
import { get, picture, post } from '../support/server.js'

process.env.IBA_THREADS ??= '1'

test('the images that are named are listed at an address of this machine, until Ctrl-C', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  await writeFile(join(folder, 'b.png'), await picture(1))
  await writeFile(join(folder, 'a.png'), await picture(2))
  const child = startIba(['explore', join(folder, 'b.png'), folder, ...network, '--no-open'], {})
  const end = ended(child)
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stderr!.on('data', (piece: string) => {
      text += piece
      const found = /(http:\/\/\S+)\/explore\//.exec(text)?.[1]
      if (found) resolve(found)
    })
    child.on('close', () => reject(new Error(text)))
  })
  t.regex(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.is((await get(`${url}/explore/`)).status, 200)
  const { json } = await get(`${url}/explore/session`)
  t.deepEqual(json.images, ['b.png', 'a.png'])
  t.is((await post(`${url}/explore/report?method=saliency`, await picture())).status, 200)
  t.is(
    (await post(`${url}/explore/animation?method=saliency`, await picture())).json.error.code,
    'NOT_SERVED',
  )
  child.kill('SIGINT')
  t.is((await end).code, 0)
})

test('an image that is missing is told before the network is loaded', async t => {
  const { code, stderr } = await iba(['explore', 'nothing-here.png', ...network, '--no-open'])
  t.not(code, 0)
  t.regex(stderr, /nothing-here\.png/)
  t.notRegex(stderr, /ENOENT: .*stat/)
})
