// How many records a second come to each topic: from its ends as they were looked at now and a while ago. Pure; the
// clock is handed in. Nobody is asked for it alone.

/** Two looks closer than this would make a jumpy rate. */
const apartMs = 2_000
/** An older look would tell of the past. */
const oldMs = 60_000

interface Look {
  readonly atMs: number
  readonly end: number
}

export class TopicRates {
  readonly #looks = new Map<string, { readonly from: Look; readonly to: Look }>()

  /** `end`: the sum of the ends of its partitions. Null until it was looked at twice. */
  look(topic: string, end: number, nowMs: number): number | null {
    const now = { atMs: nowMs, end }
    const known = this.#looks.get(topic)
    // A topic that was made anew ends lower.
    if (!known || nowMs - known.to.atMs > oldMs || end < known.to.end) {
      this.#looks.set(topic, { from: now, to: now })
      return null
    }
    const next = nowMs - known.to.atMs >= apartMs ? { from: known.to, to: now } : known
    this.#looks.set(topic, next)
    const seconds = (next.to.atMs - next.from.atMs) / 1_000
    return seconds === 0 ? null : (next.to.end - next.from.end) / seconds
  }

  keepOnly(topics: ReadonlySet<string>): void {
    for (const topic of this.#looks.keys()) if (!topics.has(topic)) this.#looks.delete(topic)
  }
}
