// Up to where every live replica has let go of what was deleted: each says in its fetches where its log starts. Whoever
// asked for the deletion waits for that, as in Kafka: a replica that still has the records could bring them back by
// being elected. One that is down is not waited for; it hears where the log starts when it is back. Pure.
import type { ErrorName } from '../protocol/errors.ts'
import type { AppendWaiter } from './offset-waiters.ts'
import type { Replica } from './replica.ts'

interface StartSaid {
  readonly brokerEpoch: number
  readonly offset: number
}

/** What it needs to know of the log. */
interface Log {
  readonly logStartOffset: number
}

export class LowWatermark {
  readonly #replica: Replica
  readonly #log: Log
  readonly #starts = new Map<number, StartSaid>()
  /** In no order: a deletion may be of less than one before it, and each has a deadline of its own. */
  #waiting: { readonly offset: number; readonly waiter: AppendWaiter }[] = []

  constructor(replica: Replica, log: Log) {
    this.#replica = replica
    this.#log = log
  }

  /** Where the log starts on the live replica that has most of it; -1 while one has not fetched in its present life. */
  get offset(): number {
    const { brokerId, replicas, brokerEpochs } = this.#replica
    let lowest = this.#log.logStartOffset
    for (const id of replicas) {
      const liveEpoch = brokerEpochs.get(id)
      if (id === brokerId || liveEpoch === undefined) continue
      const said = this.#starts.get(id)
      lowest = Math.min(lowest, said?.brokerEpoch === liveEpoch ? said.offset : -1)
    }
    return lowest
  }

  /** A replica says, under its registration, where its log starts. */
  said(brokerId: number, brokerEpoch: number, logStartOffset: number): void {
    if (this.#replica.role !== 'leader') return
    this.#starts.set(brokerId, { brokerEpoch, offset: logStartOffset })
    this.release()
  }

  /** `waiter` is told, perhaps at once, when no live replica has anything below `offset`, or why nobody will know. */
  park(offset: number, waiter: AppendWaiter): void {
    this.#waiting.push({ offset, waiter })
    if (this.#replica.role === 'leader') this.release()
    else this.end('notLeaderOrFollower')
  }

  /** It gave up. */
  leave(waiter: AppendWaiter): void {
    this.#waiting = this.#waiting.filter(one => one.waiter !== waiter)
  }

  /** A start has moved, or a replica is no longer there to be waited for. */
  release(): void {
    if (this.#waiting.length === 0) return
    const reached = this.offset
    const due = this.#waiting.filter(({ offset }) => offset <= reached)
    this.#waiting = this.#waiting.filter(({ offset }) => offset > reached)
    for (const { waiter } of due) waiter.settled('none')
  }

  /** The role is over, and what was said in it. */
  end(error: ErrorName): void {
    this.#starts.clear()
    for (const { waiter } of this.#waiting.splice(0)) waiter.settled(error)
  }
}
