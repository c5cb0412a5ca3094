// What a broker does while its disk is full: it says so, and lets others lead and be in sync in its place, as far as
// there are others; it goes on serving what it has, and comes back by itself. Looks once a second; the disk is watched
// by the data directory itself (log/reserve.ts).
import type { Log } from '../runtime/log.ts'
import type { LogDirectory } from './log/log-directory.ts'
import type { Membership } from './membership.ts'

const storeTimeoutMs = 2_000

export type Stepping = Pick<Membership, 'isHeld' | 'isSteppingBack' | 'stepBack'>

export class FullDisk {
  readonly #membership: Stepping
  readonly #log: Log
  #isSaid = false
  #isAnnouncing = false
  #isClosed = false

  constructor(membership: Stepping, log: Log) {
    this.#membership = membership
    this.#log = log
  }

  look({ isFull, path }: Pick<LogDirectory, 'isFull' | 'path'>): void {
    if (isFull !== this.#isSaid) this.#say(isFull, path)
    if (this.#isAnnouncing || this.#isClosed || !this.#membership.isHeld()) return
    // A session that was lost meanwhile has taken the word with it: so what is known is compared, not remembered.
    if (isFull === this.#membership.isSteppingBack) return
    this.#isAnnouncing = true
    this.#membership
      .stepBack(isFull, storeTimeoutMs)
      .catch(error => this.#log.warn('the others could not be told about the disk, trying again', { error }))
      .finally(() => {
        this.#isAnnouncing = false
      })
  }

  /** A broker that stops steps back for good. */
  close(): void {
    this.#isClosed = true
  }

  #say(isFull: boolean, directory: string): void {
    this.#isSaid = isFull
    if (isFull) {
      const message =
        'the disk is full, or the log at its cap: produce is refused, reads go on. Room is noticed by itself'
      this.#log.error(message, { directory })
    } else this.#log.info('the disk has room again: records are taken', { directory })
  }
}
