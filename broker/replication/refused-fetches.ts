// Followers that ask again for what they were sent: they refused it, or had no room. Pure.
import type { FollowerProgress } from './in-sync.ts'

/** Once may be an answer that was lost on its way, or left out because others filled it. */
const refusalsBeforeLook = 2

export class RefusedFetches {
  readonly #times = new Map<number, number>()

  /**
   * Whether this disk is to be asked what it has at `fetchOffset`, once: records go out unread, so nobody here has
   * looked at their checksum since they were written. `progress` is as it was before this fetch.
   */
  isRefusal(brokerId: number, fetchOffset: number, progress: FollowerProgress | undefined): boolean {
    const isAgain = progress?.hasFetched === true && progress.fetchOffset === fetchOffset
    if (!isAgain || progress.leaderEndAtFetch <= fetchOffset) {
      this.#times.delete(brokerId)
      return false
    }
    const times = (this.#times.get(brokerId) ?? 0) + 1
    this.#times.set(brokerId, times)
    return times === refusalsBeforeLook
  }
}
