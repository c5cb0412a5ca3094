// How long a line takes from the agent's reading to this screen, from the lines that appeared in the last minute. Pure.

const keptMs = 60_000
const samplesMax = 2_000

export class PixelLag {
  readonly #samples: { readonly seenAt: number; readonly lagMs: number }[] = []

  add(seenAt: number, lagMs: number): void {
    this.#samples.push({ seenAt, lagMs: Math.max(0, lagMs) })
    if (this.#samples.length > samplesMax) this.#samples.splice(0, this.#samples.length - samplesMax)
  }

  /** Null where nothing appeared within the minute. */
  quantiles(now: number): { readonly p50: number; readonly p95: number } | null {
    const lags = this.#samples.filter(({ seenAt }) => seenAt > now - keptMs).map(({ lagMs }) => lagMs)
    if (lags.length === 0) return null
    lags.sort((a, b) => a - b)
    const at = (share: number) => lags[Math.min(lags.length - 1, Math.floor(lags.length * share))]!
    return { p50: at(0.5), p95: at(0.95) }
  }
}
