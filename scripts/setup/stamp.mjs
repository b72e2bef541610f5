import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './paths.mjs'

/** A digest of the contents of files and folders of the package, and of whatever else a result depends on.
 * @param {string[]} paths relative to the package
 * @param {string[]} [extra] */
export function digest(paths, extra = []) {
  const hash = createHash('sha256')
  for (const file of paths.flatMap(path => filesBelow(path)).sort()) {
    const content = readFileSync(join(root, file))
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.update(JSON.stringify(extra)).digest('hex')
}

/** A file that tells from which inputs a result was made. */
export class Stamp {
  #file

  /** @param {string} file */
  constructor(file) {
    this.#file = file
  }

  /** @param {string} value */
  matches(value) {
    return existsSync(this.#file) && readFileSync(this.#file, 'utf8') === value
  }

  /** @param {string} value */
  write(value) {
    mkdirSync(dirname(this.#file), { recursive: true })
    const unfinished = `${this.#file}.unfinished`
    try {
      writeFileSync(unfinished, value)
      renameSync(unfinished, this.#file)
    } catch (error) {
      rmSync(unfinished, { force: true })
      throw error
    }
  }
}

/** @param {string} path relative to the package
 * @returns {string[]} */
export function filesBelow(path) {
  const absolute = join(root, path)
  if (!existsSync(absolute)) return []
  if (!statSync(absolute).isDirectory()) return [path]
  return readdirSync(absolute).flatMap(name => filesBelow(join(path, name)))
}
