// Writes what follows from the registry of methods: the types of their options, and the tables of the documentation.
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { argv } from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { writeFileAtomically } from '../lib/foundation/files.js'
import { describeTraining } from '../lib/training/settings.js'
import { registeredMethods, registrySource } from './describe/registry.js'
import { methodTables, optionTable, sectionBegin, withSection } from './describe/tables.js'
import { optionTypes, trainingTypes } from './describe/types.js'
import { require } from './setup/paths.mjs'

/** A file that follows from the registry, as it should be. */
export interface DescribedFile {
  path: string
  content: string
}

/** All of them. */
export async function describedFiles(): Promise<DescribedFile[]> {
  const methods = registeredMethods()
  const training = describeTraining()
  const [page, api, types, registry, trainingOptions] = [
    'docs/methods.md',
    'docs/api.md',
    'lib/attribution/method-options.ts',
    'lib/attribution/registry.ts',
    'lib/training/training-options.ts',
  ].map(path => fileURLToPath(new URL(`../../${path}`, import.meta.url))) as [
    string,
    string,
    string,
    string,
    string,
  ]
  let apiPage = await readFile(api, 'utf8')
  for (const method of methods.filter(({ name }) => apiPage.includes(sectionBegin(name))))
    apiPage = withSection(apiPage, method.name, optionTable(method))
  apiPage = withSection(apiPage, 'training', optionTable(training))
  return [
    { path: page, content: withSection(await readFile(page, 'utf8'), 'tables', methodTables(methods)) },
    { path: api, content: apiPage },
    { path: types, content: formatted(types, optionTypes(methods)) },
    { path: registry, content: registrySource(methods) },
    { path: trainingOptions, content: formatted(trainingOptions, trainingTypes(training)) },
  ]
}

function formatted(path: string, source: string): string {
  const args = [require.resolve('@biomejs/biome/bin/biome'), 'check', '--write', `--stdin-file-path=${path}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input: source, encoding: 'utf8' })
  if (status !== 0) throw new Error(`biome could not format ${path}: ${stderr}`)
  return stdout
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  for (const { path, content } of await describedFiles()) await writeFileAtomically(path, content)
}
