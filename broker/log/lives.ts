// Which lives of its broker a data directory knows of, in a file that is on the medium before a life counts: a
// directory that does not know the last one is an older copy of itself, and lacks what was acknowledged since.
import { type Disk, readFile, replaceFile } from './disk.ts'

const name = 'registered-lives'

export class Lives {
  readonly #disk: Disk
  readonly #path: string

  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#path = `${directory}/${name}`
  }

  /** Null of a directory that was last used before there was this file. */
  read(): readonly string[] | null {
    const bytes = readFile(this.#disk, this.#path)
    return bytes ? bytes.toString('latin1').split('\n').filter(Boolean) : null
  }

  /** Blocks until it is on the medium. */
  write(lives: readonly string[]): void {
    replaceFile(this.#disk, this.#path, Buffer.from(lives.map(life => `${life}\n`).join('')))
  }
}
