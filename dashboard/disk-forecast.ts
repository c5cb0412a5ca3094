// How many days a disk lasts at the growth seen since this page was opened: what the brokers' logs take, over time,
// against what the fullest volume has left. Pure.

const enoughMs = 60_000
/** Samples closer together than this say nothing new. */
const everyMs = 5_000
const samplesMax = 720
const dayMs = 86_400_000
/** Beyond this the disk is not what ends first. */
export const manyDays = 999

export class DiskForecast {
  readonly #samples: { readonly at: number; readonly usedBytes: number }[] = []

  add(at: number, usedBytes: number): void {
    const last = this.#samples.at(-1)
    if (last && at - last.at < everyMs) return
    this.#samples.push({ at, usedBytes })
    if (this.#samples.length > samplesMax) this.#samples.shift()
  }

  /** Null while too little was seen; infinite where nothing grows. */
  daysLeft(freeBytes: number): number | null {
    const [first] = this.#samples
    const last = this.#samples.at(-1)
    if (!first || !last || last.at - first.at < enoughMs) return null
    const bytesPerMs = (last.usedBytes - first.usedBytes) / (last.at - first.at)
    return bytesPerMs <= 0 ? Number.POSITIVE_INFINITY : freeBytes / bytesPerMs / dayMs
  }
}
