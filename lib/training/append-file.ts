import { type FileHandle, open } from 'node:fs/promises'
import { fileError } from '../foundation/files.js'

/** A file that is written at its end while other work goes on; `close` tells of a failure. */
export class AppendFile {
  readonly #file: FileHandle
  readonly #path: string
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  /** @throws FileError where it can't be written */
  static async open(path: string): Promise<AppendFile> {
    const file = await open(path, 'a').catch(error => {
      throw fileError(`Can't write '${path}'`, error)
    })
    return new AppendFile(file, path)
  }

  append(data: string | Uint8Array): void {
    this.#writing = this.#writing.then(() => this.#file.appendFile(data))
    this.#writing.catch(() => {})
  }

  async close(): Promise<void> {
    try {
      await this.#writing
    } catch (error) {
      throw fileError(`Can't write '${this.#path}'`, error)
    } finally {
      await this.#file.close()
    }
  }
}
