// Records into rows of the live tail: text, never markup; cut; with a level read off the line itself. Bounded: of more
// lines than can be shown the newest stay, and how many went is said. Pure.
import { emptyCombinedLine, parseCombined } from '../../agent/formats/combined.ts'
import type { TailRow } from '../http/contract.ts'

/** Bytes of a line that are shown. */
const lineBytesMax = 4096

export interface TailRecord {
  topic: string
  partition: number
  offset: number
  timestampMs: number
  /** Memory of a fetched batch: kept only until the next flush. */
  buffer: Buffer
  start: number
  end: number
}

/** The newest `max` of what was pushed since the last take, and how many more there were. */
export class TailWindow {
  readonly #max: number
  #records: TailRecord[] = []
  #next = 0
  #pushed = 0

  constructor(max: number) {
    this.#max = max
  }

  push(record: TailRecord): void {
    this.#pushed++
    if (this.#records.length < this.#max) this.#records.push(record)
    else this.#records[this.#next] = record
    this.#next = (this.#next + 1) % this.#max
  }

  take(): { readonly rows: TailRow[]; readonly dropped: number } {
    const inOrder =
      this.#records.length < this.#max
        ? this.#records
        : [...this.#records.slice(this.#next), ...this.#records.slice(0, this.#next)]
    const taken = { rows: inOrder.map(tailRow), dropped: this.#pushed - inOrder.length }
    this.#records = []
    this.#next = 0
    this.#pushed = 0
    return taken
  }
}

function tailRow(record: TailRecord): TailRow {
  const { topic, partition, offset, timestampMs, buffer, start, end } = record
  const shownEnd = Math.min(end, start + lineBytesMax)
  return {
    topic,
    partition,
    offset: String(offset),
    at: timestampMs,
    line: buffer.toString('utf8', start, shownEnd),
    ...(shownEnd < end ? { cutFrom: end - start } : {}),
    level: levelOf(buffer, start, shownEnd),
  }
}

const access = emptyCombinedLine()
const errorWords =
  /"(?:level|severity)(?:_?text)?":\s*"(?:error|fatal|crit|alert|emerg)|\b(?:ERROR|FATAL|CRITICAL|PANIC)\b/i
const warnWords = /"(?:level|severity)(?:_?text)?":\s*"warn|\bWARN(?:ING)?\b/i

/** Of an access line by its status; of anything else by the words people use. */
function levelOf(buffer: Buffer, start: number, end: number): TailRow['level'] {
  if (parseCombined(buffer, start, end, access)) {
    if (access.status >= 500) return 'error'
    return access.status >= 400 ? 'warn' : 'info'
  }
  const text = buffer.toString('latin1', start, Math.min(end, start + 1024))
  if (errorWords.test(text)) return 'error'
  return warnWords.test(text) ? 'warn' : 'info'
}
