// Records into rows of the live tail: text, never markup; cut; with a level read off the line itself. Bounded: of more
// lines than can be shown the newest stay, and how many went is said. Pure.
import { emptyCombinedLine, parseCombined } from '../../agent/formats/combined.ts'
import type { TailGap, TailRow } from '../http/contract.ts'

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

/** The newest `max` of what was pushed since the last take; how many more there were, and where. */
export class TailWindow {
  readonly #max: number
  #records: TailRecord[] = []
  #next = 0
  #dropped = 0
  /** First and last offset that was left out, by partition. */
  #gaps = new Map<number, { from: number; to: number }>()

  constructor(max: number) {
    this.#max = max
  }

  push(record: TailRecord): void {
    if (this.#records.length < this.#max) this.#records.push(record)
    else {
      const { partition, offset } = this.#records[this.#next]!
      this.skip(partition, offset, offset)
      this.#records[this.#next] = record
    }
    this.#next = (this.#next + 1) % this.#max
  }

  /** Offsets of a partition that are not shown, both ends included. */
  skip(partition: number, from: number, to: number): void {
    this.#dropped += to - from + 1
    const gap = this.#gaps.get(partition)
    if (!gap) this.#gaps.set(partition, { from, to })
    else {
      gap.from = Math.min(gap.from, from)
      gap.to = Math.max(gap.to, to)
    }
  }

  take(): { readonly rows: TailRow[]; readonly gap: TailGap | null } {
    const inOrder =
      this.#records.length < this.#max
        ? this.#records
        : [...this.#records.slice(this.#next), ...this.#records.slice(0, this.#next)]
    const partitions = [...this.#gaps].map(([partition, { from, to }]) => {
      return { partition, fromOffset: String(from), toOffset: String(to) }
    })
    const gap = this.#dropped === 0 ? null : { dropped: this.#dropped, partitions }
    this.#records = []
    this.#next = 0
    this.#dropped = 0
    this.#gaps = new Map()
    return { rows: inOrder.map(tailRow), gap }
  }
}

export function tailRow(record: TailRecord): TailRow {
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
export function levelOf(buffer: Buffer, start: number, end: number): TailRow['level'] {
  if (parseCombined(buffer, start, end, access)) {
    if (access.status >= 500) return 'error'
    return access.status >= 400 ? 'warn' : 'info'
  }
  const text = buffer.toString('latin1', start, Math.min(end, start + 1024))
  if (errorWords.test(text)) return 'error'
  return warnWords.test(text) ? 'warn' : 'info'
}
