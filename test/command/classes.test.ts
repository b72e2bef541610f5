import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { demo } from '../../lib/index.js'
import { iba, makeFolder, network } from '../support/command.js'

const image = join(demo.images, '01-teapot.jpg')
const demonstration = [image, '--model', 'demo', '--device', 'cpu', '--method', 'gradient']

let folder: string
let remove: () => Promise<void>

test.before(async () => {
  ;({ folder, remove } = await makeFolder())
})
test.after.always(() => remove?.())

test.serial('a class is chosen by its name, and named in the results', async t => {
  const words = [...demonstration, '--out', folder, '--target', 'Key']
  const { code, stdout, stderr } = await iba(['attribute', ...words, '--json'])
  t.is(code, 0, stderr)
  t.like(JSON.parse(stdout), { target: 4, className: 'key' })
  const wrong = await iba(['attribute', ...words, '--target', 'tea pot'])
  t.is(wrong.code, 2)
  t.regex(wrong.stderr, /no class 'tea pot'.*Did you mean 'teapot'/)
})

test.serial('names come from a file, and pictures are prepared as options say', async t => {
  const names = join(folder, 'names.txt')
  await writeFile(names, Array.from({ length: 1000 }, (_, i) => `thing ${i}`).join('\n'))
  const prepared = ['--squash', '--interpolation', 'lanczos', '--mean', '0.5,0.5,0.5', '--std', '.2,.2,.2']
  const words = [image, ...network, ...prepared, '--method', 'gradient', '--out', folder, '--classes', names]
  const { code, stdout, stderr } = await iba(['attribute', ...words, '--target', 'thing 7'])
  t.is(code, 0, stderr)
  t.regex(stdout, / 7 thing 7 /)
  const wrong: [words: string[], message: RegExp][] = [
    [['--crop-first'], /--squash and --crop-first exclude each other/],
    [['--mean', '0.5,x,0.5'], /Expected a number/],
    [['--mean', '0.5'], /preprocessing\.mean/],
    [['--interpolation', 'nearest'], /bilinear, bicubic, lanczos/],
    [['--classes', join(folder, 'none.txt')], /Can't read class names/],
  ]
  for (const [more, message] of wrong) {
    const refused = await iba(['attribute', ...words, ...more])
    t.not(refused.code, 0)
    t.regex(refused.stderr, message)
  }
})
