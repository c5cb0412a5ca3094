// The real group coordinator of one broker over one replica: the partition of the topic that holds what groups
// commit. It stands where offsets-topic.ts stands in a broker: appends wait for every in-sync disk, and replay
// reads the log to its end.
import { GroupCoordinator } from '../../broker/groups/coordinator.ts'
import type { AppendWaiter, OffsetsLog } from '../../broker/groups/offsets.ts'
import { mayPromise } from '../../broker/replication/fencing.ts'
import { createLog } from '../../runtime/log.ts'
import type { MemoryLog } from './memory-log.ts'
import type { ReplicaShell, Told } from './replica-shell.ts'

export interface GroupHost {
  readonly log: MemoryLog
  readonly clock: { monotonicMs(): number; wallMs(): number }
  shell(): ReplicaShell | undefined
  /** Never the same twice, over all brokers. */
  newValue(): number
  acknowledged: (shell: ReplicaShell, value: number, offset: number) => void
}

export class GroupShell implements OffsetsLog {
  readonly partitions = 1
  readonly coordinator: GroupCoordinator
  readonly #host: GroupHost

  constructor(host: GroupHost) {
    this.#host = host
    this.coordinator = new GroupCoordinator(
      this,
      host.clock,
      createLog('sim', () => undefined),
    )
  }

  /** After every change of the role, as a broker does it. */
  followRole(): void {
    if (this.#host.shell()?.replica.role === 'leader') this.coordinator.lead(0)
    else this.coordinator.unload(0)
  }

  append(_partition: number, batch: Buffer, waiter: AppendWaiter): void {
    const shell = this.#host.shell()
    if (!shell) {
      waiter.settled('notLeaderOrFollower')
      return
    }
    const value = this.#host.newValue()
    const told: Told = (error, offset) => {
      if (error === 'none') this.#host.acknowledged(shell, value, offset)
      waiter.settled(error)
    }
    shell.append({ producerId: -1, sequence: 0, value, batch: Buffer.from(batch) }, told)
  }

  whenCommitted(_partition: number, waiter: AppendWaiter): void {
    const shell = this.#host.shell()
    if (shell) shell.awaitCommitted(error => waiter.settled(error))
    else waiter.settled('notLeaderOrFollower')
  }

  /** Whether what is answered now is surely this leader's to say. */
  mayPromise(): boolean {
    const shell = this.#host.shell()
    return shell !== undefined && mayPromise(shell.replica, shell.host.isLeaseHeld(), shell.host.nowMs())
  }

  replay(_partition: number, onBatches: (batches: Buffer) => void): void {
    const { log } = this.#host
    for (const { batch } of log.entries.slice(log.start)) if (batch) onBatches(batch)
  }
}
