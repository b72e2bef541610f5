import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { planJobs } from '../../lib/command/jobs.js'
import { makeFolder } from '../support/command.js'
import { npyFile } from '../support/images.js'

test('an array of more images than one command takes is refused before they are listed', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  const path = join(folder, 'many.npy')
  const write = async (count: number) => {
    const header = npyFile(
      `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, 3, 1, 1), }\n`,
      new Uint8Array(),
    )
    await writeFile(path, header)
    await truncate(path, header.length + count * 12)
  }
  await write(100_000_000)
  await t.throwsAsync(planJobs([path], folder, 'gif'), {
    message: /100,000,000 images, more than the limit of 100,000/,
  })
  await write(1000)
  t.is((await planJobs([path], folder, 'gif')).jobs.length, 1000)
})

test('results of names that are no UTF-8 have names of their own', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  const images = join(folder, 'images')
  await mkdir(images)
  try {
    for (const byte of ['\xe9', '\xe8'])
      await writeFile(Buffer.concat([Buffer.from(`${images}/`), Buffer.from(`caf${byte}.png`, 'latin1')]), '')
  } catch {
    t.log('this file system takes UTF-8 alone')
    return
  }
  const { jobs } = await planJobs([images], join(folder, 'out'), 'gif')
  t.deepEqual(
    jobs.map(({ files }) => files.map),
    [join(folder, 'out', 'caf%E8.npy'), join(folder, 'out', 'caf%E9.npy')],
  )
})
