// Why connections were ended, one line each, until there are too many: a hostile client must not fill the disk
// through the log. What was left out is counted and said.
import type { Log, LogFields } from '../runtime/log.ts'

const linesPerTickMax = 20

export class RefusalLog {
  readonly #log: Log
  #lines = 0
  #leftOut = 0

  constructor(log: Log) {
    this.#log = log
  }

  refused(message: string, fields: LogFields): void {
    if (this.#lines++ < linesPerTickMax) this.#log.warn(message, fields)
    else this.#leftOut++
  }

  /** Once a second. */
  tick(): void {
    if (this.#leftOut > 0) this.#log.warn('more connections were ended', { count: this.#leftOut })
    this.#lines = 0
    this.#leftOut = 0
  }
}
