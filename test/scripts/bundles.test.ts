import { existsSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import test from 'ava'
import { ownManifest } from '../../scripts/release/manifests.mjs'
import { bundledPackages, notices, runtimeDependencies } from '../../scripts/release/notices.mjs'
import { root } from '../../scripts/setup/paths.mjs'
import { filesBelow } from '../../scripts/setup/stamp.mjs'

const manifest = ownManifest()
const programs = filesBelow('dist/lib').filter(file => /\.m?js$/.test(file) && !file.includes('explore/page'))

/** The modules that a program asks for by a bare name. */
function asked(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const patterns = [
    /^(?:import|export)\b(?:[^'"\n]*\bfrom)?\s*["']([^"'\n]+)["']/gm,
    /\bimport\(\s*["']([^"'\n]+)["']\s*\)/g,
  ]
  return patterns
    .flatMap(pattern => [...text.matchAll(pattern)].map(([, name = '']) => name))
    .filter(name => !/^(\.|node:)/.test(name) && !builtinModules.includes(name))
}

test('what the package loads comes along with it, or is asked for as a peer', t => {
  const { dependencies, peerDependencies, imports } = manifest
  t.true(programs.length > 200)
  const names = programs.flatMap(file => asked(file).map(name => ({ file, name })))
  t.true(names.some(({ name }) => name === 'sharp'))
  t.true(names.some(({ name }) => name === '#plot'))
  for (const { file, name } of names) {
    const owner = /^(@[^/]+\/)?[^/]+/.exec(name)![0]
    t.true(owner in { ...dependencies, ...peerDependencies, ...imports }, `${file} asks for ${name}`)
  }
})

test('bundles are where package.json says, and ask for nothing but Node', t => {
  const files = Object.values(manifest.imports as Record<string, { default: string }>)
  t.is(files.length, 2)
  for (const { default: file } of files) {
    t.true(existsSync(join(root, file)), file)
    t.deepEqual(asked(file), [])
  }
})

test('the notices name what is bundled', t => {
  const bundled = bundledPackages()
  for (const path of ['@observablehq/plot', 'd3-shape', 'tar-stream', 'streamx', 'preact'])
    t.true(bundled.includes(`node_modules/${path}`), path)
  const text = notices()
  for (const path of bundled) {
    const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
    t.true(
      text.includes(`${name} ${version}\nLicence: ${license}\n\n`),
      `${name}, with the text of its licence`,
    )
  }
})

test('few packages come along', t => {
  const installed = runtimeDependencies().filter(
    ({ name }) => !bundledPackages().includes(`node_modules/${name}`),
  )
  const onThis = installed.filter(({ name }) => existsSync(join(root, 'node_modules', name)))
  t.true(onThis.length < 30, `${onThis.length} packages`)
})
