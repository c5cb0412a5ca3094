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
  #deltaJson = ''
  /** The last delta as it is sent, by subscription id: pages of one kind number theirs alike. */
  readonly #messages = new Map<number, Buffer>()
  /** When the last subscription left, null while there is one. */
  idleSinceMs: number | null = null

  constructor(key: string, source: LiveSource) {
    this.key = key
    this.#source = source
  }

  get seq(): number {
    return this.#seq
  }

  /** Computes what is new; false when nothing is. */
  tick(): boolean {
    this.#snapshotJson = null
    const data = this.#source.delta()
    if (!data) return false
    const json = JSON.stringify(data)
    this.#seq++
    this.#deltaJson = json
    this.#messages.clear()
    this.#ring.push({ seq: this.#seq, json })
    this.#ringBytes += json.length
    while (this.#ring.length > deltasKept || (this.#ringBytes > ringBytesMax && this.#ring.length > 1)) {
      this.#ringBytes -= this.#ring.shift()!.json.length
    }
    return true
  }

  /** What the last tick has told, for a subscription of this id. The bytes are shared: nobody may change them. */
  deltaMessage(id: number): Buffer {
    let message = this.#messages.get(id)
    if (!message) {
      message = Buffer.from(`{"type":"delta","id":${id},"seq":${this.#seq},"data":${this.#deltaJson}}`)
      this.#messages.set(id, message)
    }
    return message
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
