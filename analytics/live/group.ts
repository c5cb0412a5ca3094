// One topic with one set of arguments, computed once for everybody who looks at it: its data, its sequence, and the
// deltas of the last moments, so that whoever was away shortly can go on without a snapshot. Pure but for `source`.
import type { LiveData } from '../http/contract.ts'

/** What a topic can tell. Values are absolute, so a delta may be repeated or skipped over by a snapshot. */
export interface LiveSource {
  /** Everything a page needs to begin. */
  snapshot(): LiveData
  /** What is new since the last call, null when nothing is. */
  delta(): LiveData | null
  /** Nobody looks any more. */
  close?(): void
}

interface Sent {
  readonly seq: number
  readonly json: string
}

/** A page that was away for longer than this many deltas gets a snapshot: half a minute at 4 Hz. */
const deltasKept = 120
const ringBytesMax = 1_000_000

export class LiveGroup {
  readonly key: string
  readonly #source: LiveSource
  readonly #ring: Sent[] = []
  #ringBytes = 0
  #seq = 0
  #snapshotJson: string | null = null
  /** When the last subscription left, null while there is one. */
  idleSinceMs: number | null = null

  constructor(key: string, source: LiveSource) {
    this.key = key
    this.#source = source
  }

  get seq(): number {
    return this.#seq
  }

  /** Computes what is new; the JSON of the delta's data, null when there is none. */
  tick(): string | null {
    this.#snapshotJson = null
    const data = this.#source.delta()
    if (!data) return null
    const json = JSON.stringify(data)
    this.#seq++
    this.#ring.push({ seq: this.#seq, json })
    this.#ringBytes += json.length
    while (this.#ring.length > deltasKept || (this.#ringBytes > ringBytesMax && this.#ring.length > 1)) {
      this.#ringBytes -= this.#ring.shift()!.json.length
    }
    return json
  }

  /** The JSON of the snapshot's data, as of `seq`. Made once a tick, however many ask. */
  snapshotJson(): string {
    this.#snapshotJson ??= JSON.stringify(this.#source.snapshot())
    return this.#snapshotJson
  }

  /** The deltas after `seq`, null when they are no longer all there. */
  since(seq: number): readonly Sent[] | null {
    if (seq > this.#seq) return null
    if (seq === this.#seq) return []
    const first = this.#ring[0]
    if (!first || first.seq > seq + 1) return null
    return this.#ring.filter(sent => sent.seq > seq)
  }

  close(): void {
    this.#source.close?.()
  }
}
