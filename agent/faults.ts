// What cannot be read and why, by path, for the agent's status: each is logged once, and only so many are kept.
import type { Log } from '../runtime/log.ts'
import { RefusedFileError } from './regular-file.ts'

const keptMax = 100

export class Faults {
  readonly #log: Log
  readonly #byPath = new Map<string, string>()

  constructor(log: Log) {
    this.#log = log
  }

  failed(path: string, error: NodeJS.ErrnoException): void {
    if (!this.#byPath.has(path)) this.#log.warn('cannot read a file', { path, error: error.message })
    this.#byPath.set(path, error instanceof RefusedFileError ? error.message : (error.code ?? error.message))
    if (this.#byPath.size > keptMax) this.#byPath.delete(this.#byPath.keys().next().value!)
  }

  passed(path: string): void {
    this.#byPath.delete(path)
  }

  get sentences(): string[] {
    return sentencesOf(this.#byPath)
  }
}

export function sentencesOf(byPath: ReadonlyMap<string, string>): string[] {
  return [...byPath].map(([path, reason]) => `${path}: ${reason}`)
}
