// How fast replicas that are not in sync may catch up, so that moving data leaves room for the traffic: a bucket that
// fills at a fixed rate, up to one second of it, and may be overdrawn by one answer. And the order of a fetch round, by
// which those who are far behind never hold up those who keep up. Pure: the time is handed in.

/** Fetches begin again when this share of a second has come together: few large pieces, not many small ones. */
const pieceShare = 0.1

export class CatchUpThrottle {
  readonly bytesPerSecond: number
  #balanceBytes: number
  #atMs: number

  constructor(bytesPerSecond: number, nowMs: number) {
    this.bytesPerSecond = bytesPerSecond
    this.#balanceBytes = bytesPerSecond
    this.#atMs = nowMs
  }

  /** Whether anything may be asked for now. */
  isOpen(nowMs: number): boolean {
    return this.waitMs(nowMs) === 0
  }

  /** How long until then; 0 now. After it was overdrawn a whole piece is waited for. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs)
    const pieceBytes = this.bytesPerSecond * pieceShare
    if (this.#balanceBytes >= pieceBytes) return 0
    return Math.ceil(((pieceBytes - this.#balanceBytes) / this.bytesPerSecond) * 1_000)
  }

  took(bytes: number, nowMs: number): void {
    this.#fill(nowMs)
    this.#balanceBytes -= bytes
  }

  #fill(nowMs: number): void {
    const came = ((nowMs - this.#atMs) / 1_000) * this.bytesPerSecond
    this.#balanceBytes = Math.min(this.bytesPerSecond, this.#balanceBytes + Math.max(0, came))
    this.#atMs = Math.max(this.#atMs, nowMs)
  }
}

/** So often those who are behind come first, lest a busy leader never has room for them. */
const behindFirstEvery = 4

/**
 * In what order a round asks: the first with anything to send is served whatever the limits, the last ones get what is
 * left of the answer. Those in sync come first but for every fourth round, and each kind begins elsewhere every time.
 */
export function orderOfRound<Row>(inSync: readonly Row[], behind: readonly Row[], turn: number): Row[] {
  const keepUp = turned(inSync, turn)
  const catchUp = turned(behind, Math.floor(turn / behindFirstEvery))
  const isBehindFirst = turn % behindFirstEvery === behindFirstEvery - 1
  return isBehindFirst ? [...catchUp.slice(0, 1), ...keepUp, ...catchUp.slice(1)] : [...keepUp, ...catchUp]
}

function turned<Row>(rows: readonly Row[], turn: number): Row[] {
  const start = rows.length === 0 ? 0 : turn % rows.length
  return [...rows.slice(start), ...rows.slice(0, start)]
}
