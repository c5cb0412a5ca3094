// What was lost since the start, by reason: in numbers for status and metrics, and in the log, where a flood of losses
// is a line per reason and telling, not one per loss. The first of a reason is logged at once. Pure but for the log.
import type { Log } from '../runtime/log.ts'
import type { Loss } from './tracker.ts'

export interface LossCount {
  readonly reason: string
  readonly losses: number
  /** As far as they are known. */
  readonly lines: number
  /** Of the latest. */
  readonly detail: string
}

interface Tally {
  losses: number
  lines: number
  latest: Loss
  /** Since it was logged the last time. */
  unsaid: number
  /** Since the last telling. */
  isSaid: boolean
}

export class LossTally {
  readonly #log: Log
  readonly #byReason = new Map<string, Tally>()

  constructor(log: Log) {
    this.#log = log
  }

  add(loss: Loss): void {
    const lines = loss.lines ?? 0
    let tally = this.#byReason.get(loss.reason)
    if (tally) {
      tally.losses++
      tally.lines += lines
      tally.latest = loss
    } else {
      tally = { losses: 1, lines, latest: loss, unsaid: 0, isSaid: false }
      this.#byReason.set(loss.reason, tally)
    }
    tally.unsaid++
    if (!tally.isSaid) this.#say(tally)
  }

  /** Says in one line what has come since, of each reason. Called now and then. */
  tell(): void {
    for (const tally of this.#byReason.values()) {
      if (tally.unsaid > 0) this.#say(tally)
      else tally.isSaid = false
    }
  }

  get counts(): LossCount[] {
    return Array.from(this.#byReason, ([reason, { losses, lines, latest }]) => {
      return { reason, losses, lines, detail: latest.detail }
    })
  }

  #say(tally: Tally): void {
    const { unsaid, latest } = tally
    tally.unsaid = 0
    tally.isSaid = true
    const { source, from, to, reason, lines, detail } = latest
    const place = { source, from, to, reason, lines, detail }
    if (unsaid === 1) this.#log.warn('lines may be lost or doubled', place)
    else
      this.#log.warn('lines may be lost or doubled, again and again; this is the latest', {
        times: unsaid,
        ...place,
      })
  }
}
