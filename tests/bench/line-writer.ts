// Appends access lines to one file as a web server would, and remembers when how many had been written: what is seen
// of the count later tells how old it is.
import { appendFileSync } from 'node:fs'
import { accessLine } from '../../analytics/ingest/fold-bench.ts'

export interface Mark {
  /** Lines there are by then. */
  readonly count: number
  readonly atMs: number
}

const batchEveryMs = 20

export class LineWriter {
  readonly path: string
  /** One for each write, in order. */
  readonly marks: Mark[] = []
  #count = 0

  constructor(path: string) {
    this.path = path
    this.write(1)
  }

  get count(): number {
    return this.#count
  }

  /** A line counts as written when the system call has returned. */
  write(lines: number): void {
    const now = Date.now()
    const [, day, month, year] = new Date(now).toUTCString().split(/[ ,]+/)
    let text = ''
    for (let index = this.#count; index < this.#count + lines; index++)
      text += `${accessLine(index, now).replace('24/Nov/2026', `${day}/${month}/${year}`)}\n`
    appendFileSync(this.path, text)
    this.#count += lines
    this.marks.push({ count: this.#count, atMs: Date.now() })
  }

  /** Writes evenly until disposed. */
  steadily(linesPerSecond: number): Disposable {
    const startedMs = Date.now()
    const before = this.#count
    const timer = setInterval(() => {
      const due = Math.floor(((Date.now() - startedMs) / 1000) * linesPerSecond)
      const lines = before + due - this.#count
      if (lines > 0) this.write(lines)
    }, batchEveryMs)
    return { [Symbol.dispose]: () => clearInterval(timer) }
  }

  /** For each write since the first `skip`: how long until something seen said so many, or more. */
  lagsMs(seen: readonly Mark[], skip: number): number[] {
    const lags: number[] = []
    let at = 0
    for (const { count, atMs } of this.marks.slice(skip)) {
      while (at < seen.length && seen[at]!.count < count) at++
      if (at < seen.length) lags.push(seen[at]!.atMs - atMs)
    }
    return lags
  }
}
