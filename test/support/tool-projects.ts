import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { run } from '../../lib/install/process.mjs'
import { loadAddon } from '../../lib/native/load.js'
import { libTorchPackage, thisTarget } from '../../lib/native/packages.mjs'
import { copyLibraries } from '../../scripts/release/libraries.mjs'
import { configuredRegistry, useRegistry } from '../../scripts/release/local-registry.mjs'
import { libTorchManifest } from '../../scripts/release/manifests.mjs'
import { readBlocks } from './documentation.js'
import { publishAll } from './published.js'

/** Projects in which tools are tried with the packages as they would be published, and with the files that a page shows for
 * them. */
export class ToolProjects {
  readonly #folder: string
  readonly #page: string
  #registry: { url: string; close(): void } | undefined
  #libtorch: string | undefined

  /** @param folder an empty one
   * @param page a path in the package, whose blocks begin with the name of their file, such as `// jest/map.test.js` */
  constructor(folder: string, page: string) {
    this.#folder = folder
    this.#page = page
  }

  /** Installs the packages and others with them into a project, and LibTorch's libraries: copied, as its package would
   * bring them, or else as a link. */
  async install(project: string, others: readonly string[], libtorch: 'copy' | 'link'): Promise<string> {
    const place = join(this.#folder, project)
    mkdirSync(place, { recursive: true })
    this.#registry ??= await publishAll(this.#folder)
    useRegistry(place, this.#registry.url)
    writeFileSync(join(place, 'package.json'), `{ "name": "${project}", "private": true }`)
    await install(place, ['attribution-bottleneck', ...others])
    this.#addLibTorch(place, libtorch)
    return place
  }

  /** Installs what needs no package of this registry. */
  async installTools(project: string, tools: readonly string[]): Promise<string> {
    const place = join(this.#folder, project)
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, '.npmrc'), `registry=${await configuredRegistry()}\n`)
    writeFileSync(join(place, 'package.json'), '{ "private": true }')
    await install(place, ['--ignore-scripts', ...tools])
    return place
  }

  /** Writes the files that the page shows for a tool into a folder.
   * @returns the folder of the tool in it, or the folder itself where it bears the tool's name */
  layOut(tool: string, within: string): string {
    const place = join(within, tool)
    mkdirSync(place, { recursive: true })
    for (const { text } of readBlocks(this.#page)) {
      const file = /^(?:\/\/|#) (\S+)/.exec(text)?.[1]
      if (!file?.startsWith(`${tool}/`)) continue
      const path = join(within, file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text.slice(text.indexOf('\n') + 1))
    }
    return place
  }

  close(): void {
    this.#registry?.close()
  }

  /** The package of LibTorch, which would take minutes to pack. */
  #addLibTorch(place: string, how: 'copy' | 'link'): void {
    const { libtorch } = loadAddon()
    const packaged = join(place, 'node_modules', libTorchPackage())
    const from = join(libtorch.folder, 'lib')
    mkdirSync(packaged, { recursive: true })
    if (how === 'link') symlinkSync(from, join(packaged, 'lib'))
    else {
      this.#libtorch ??= strippedCopy(from, join(this.#folder, 'libtorch'))
      cpSync(this.#libtorch, join(packaged, 'lib'), { recursive: true })
    }
    writeFileSync(join(packaged, 'build-version'), libtorch.version)
    const manifest = JSON.stringify(libTorchManifest(thisTarget, libtorch.version))
    writeFileSync(join(packaged, 'package.json'), manifest)
  }
}

function strippedCopy(from: string, to: string): string {
  copyLibraries(from, to)
  return to
}

async function install(place: string, words: readonly string[]): Promise<void> {
  const { code, output } = await run('npm', ['install', '--no-audit', '--no-fund', ...words], { cwd: place })
  if (code !== 0) throw new Error(output)
}

/** Of this machine's settings nothing that would change what a tool does. Bun takes any FORCE_COLOR for a yes. */
const { FORCE_COLOR, ...inherited } = process.env
export const toolEnvironment = { ...inherited, LIBTORCH: '', CI: '1', NO_COLOR: '1' }

/** Runs a tool of a project, or another program, in a folder of the project, and gives what it printed. */
export async function runTool(
  t: ExecutionContext,
  { project, at }: { project: string; at: string },
  command: string,
  ...words: string[]
): Promise<string> {
  const program = join(project, 'node_modules', '.bin', command)
  const { code, output } = await run(existsSync(program) ? program : command, words, {
    cwd: at,
    env: toolEnvironment,
  })
  t.is(code, 0, output)
  return output
}
