// The fetching side of every partition this broker follows: for each leader one connection and one round in flight.
// A round asks for all its partitions, writes what came, flushes it, and only then asks again: the offset asked for
// is this broker's word that everything below is on its disk. Sockets and the logs of followed partitions, no more.
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { ConnectionOptions } from '../client/connection.ts'
import { LeaderRounds } from './leader-rounds.ts'
import type { Partition } from './partition.ts'
import type { Followers, FollowOrder } from './peers.ts'
import { CatchUpThrottle } from './throttle.ts'

/** How one broker proves to another that it is one: on one machine by the cluster's secret, else by certificate. */
export type PeerCredentials = Pick<ConnectionOptions, 'login' | 'tls'>

export interface FollowerOptions {
  readonly brokerId: number
  /** Of the present registration: a leader takes nobody into its in-sync set who fetches under another. */
  readonly brokerEpoch: () => number
  readonly clock: Clock
  /** A leader lets brokers follow, nobody else. */
  readonly credentials: PeerCredentials
  readonly log: Log
  /** The leader refuses to be followed: what the store says about this partition should be read again. */
  readonly doubtLeader: (partition: Partition) => void
  readonly maxWaitMs?: number
  /** For all partitions together that are not in sync; without it there is no limit. */
  readonly catchUpBytesPerSecond?: number
}

export class FollowerFetches implements Followers {
  readonly #options: FollowerOptions
  readonly #throttle: CatchUpThrottle | null
  readonly #rounds = new Map<string, LeaderRounds>()
  readonly #roundsOf = new Map<Partition, LeaderRounds>()
  #closed = false

  constructor(options: FollowerOptions) {
    this.#options = options
    const { catchUpBytesPerSecond: rate, clock } = options
    this.#throttle = rate === undefined ? null : new CatchUpThrottle(rate, clock.monotonicMs())
  }

  follow(partition: Partition, { leader, leaderHost, leaderPort, leaderEpoch }: FollowOrder): void {
    // What is still being told while a broker stops must not begin rounds that nobody ends.
    if (this.#closed) return
    const address = `${leader}@${leaderHost}:${leaderPort}`
    let rounds = this.#rounds.get(address)
    if (this.#roundsOf.get(partition) !== rounds) this.unfollow(partition)
    if (!rounds) {
      const throttle = this.#throttle
      rounds = new LeaderRounds({ ...this.#options, throttle, leader, host: leaderHost, port: leaderPort })
      this.#rounds.set(address, rounds)
    }
    this.#roundsOf.set(partition, rounds)
    rounds.add(partition, leaderEpoch)
  }

  unfollow(partition: Partition): void {
    const rounds = this.#roundsOf.get(partition)
    if (!rounds) return
    this.#roundsOf.delete(partition)
    rounds.remove(partition)
    if (!rounds.isEmpty) return
    rounds.close()
    for (const [address, other] of this.#rounds) if (other === rounds) this.#rounds.delete(address)
  }

  durable(partition: Partition): void {
    this.#roundsOf.get(partition)?.durable(partition)
  }

  close(): void {
    this.#closed = true
    for (const rounds of this.#rounds.values()) rounds.close()
    this.#rounds.clear()
    this.#roundsOf.clear()
  }
}
