// What must hold, whatever happens: the invariants R1 to R12 of the replication protocol, looked at after every event
// that can break them. It keeps the truth that no broker has: every record that was ever visible, and every promise.
import type { PartitionMeta } from '../../broker/controller/cluster-state.ts'
import type { LogEntry, MemoryLog } from './memory-log.ts'
import type { ReplicaShell } from './replica-shell.ts'

export interface CheckedBroker {
  readonly id: number
  readonly isRunning: boolean
  /** A wiped directory that has not registered since. */
  readonly isWiped: boolean
  readonly logs: readonly MemoryLog[]
}

interface Truth {
  /** Visible to a consumer once, the same for ever. */
  readonly visible: LogEntry[]
  readonly leaderOf: Map<number, number>
  readonly offsetOf: Map<number, number>
  stored: PartitionMeta | null
  acknowledged: number
}

export class Checker {
  readonly violations: string[] = []
  readonly truths: Truth[] = []
  readonly tally = new Map<string, number>()
  readonly #brokers: readonly CheckedBroker[]
  readonly #note: (text: string) => void

  constructor(partitions: number, brokers: readonly CheckedBroker[], note: (text: string) => void) {
    this.#brokers = brokers
    this.#note = note
    for (let index = 0; index < partitions; index++) {
      this.truths.push({
        visible: [],
        leaderOf: new Map(),
        offsetOf: new Map(),
        stored: null,
        acknowledged: 0,
      })
    }
  }

  count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1)
  }

  tell(text: string): void {
    this.#note(text)
  }

  fail(rule: string, text: string): void {
    this.violations.push(`${rule}: ${text}`)
    this.#note(`VIOLATION ${rule}: ${text}`)
  }

  /** R1, R8: one leader an epoch, and it has everything that anybody saw. */
  led(shell: ReplicaShell): void {
    const { index, log, replica } = shell
    const truth = this.truths[index]!
    const { brokerId, leaderEpoch } = replica
    const other = truth.leaderOf.get(leaderEpoch)
    if (other !== undefined) this.fail('R1', `${brokerId} and ${other} lead ${index} in epoch ${leaderEpoch}`)
    truth.leaderOf.set(leaderEpoch, brokerId)
    this.count('elections')
    if (leaderEpoch !== truth.stored?.leaderEpoch) return
    const missing = missingFrom(truth, log)
    if (missing >= 0)
      this.fail('R8', `${brokerId} leads ${index} in epoch ${leaderEpoch} without offset ${missing}`)
  }

  /** R2, R9, R11: what becomes visible stays what it is, whoever shows it. */
  highWatermark(shell: ReplicaShell): void {
    const { index, log, replica } = shell
    const truth = this.truths[index]!
    const { highWatermark, role, brokerId, leaderEpoch } = replica
    const before = truth.visible.length
    if (role !== 'leader') {
      if (highWatermark > before)
        this.fail('R2', `${brokerId} follows ${index} and believes ${highWatermark} committed`)
    } else {
      for (let offset = before; offset < highWatermark; offset++) {
        const entry = log.entries[offset]
        if (!entry) {
          this.fail('R10', `${brokerId} shows ${index} up to ${highWatermark}, its log ends at ${log.end}`)
          return
        }
        truth.visible.push(entry)
        const earlier = truth.offsetOf.get(entry.value)
        if (earlier !== undefined)
          this.fail('C4', `${entry.value} is in ${index} at ${earlier} and at ${offset}`)
        truth.offsetOf.set(entry.value, offset)
      }
    }
    const differs = this.#firstDifference(truth, log, highWatermark)
    if (differs >= 0) {
      this.fail(
        'R11',
        `${brokerId} in epoch ${leaderEpoch} shows another record of ${index} at ${differs} than was seen`,
      )
    }
    if (truth.visible.length > before) this.heldBySets(index)
  }

  /** R6: whoever may be elected has, on its disk, everything that anybody saw. */
  heldBySets(index: number): void {
    const truth = this.truths[index]!
    const { stored, visible } = truth
    if (!stored) return
    for (const id of [...stored.isr, ...(stored.elr ?? [])]) {
      const broker = this.#brokers[id - 1]!
      if (broker.isWiped) continue
      const log = broker.logs[index]!
      const missing = missingFrom(truth, log)
      const end = Math.min(log.durableEnd, log.end)
      if (missing >= 0 || end < visible.length) {
        this.fail(
          'R6',
          `${id} may lead ${index} (in sync ${stored.isr}, eligible ${stored.elr ?? []}) without offset ${
            missing >= 0 ? missing : end
          } on its disk; ${visible.length} were seen`,
        )
      }
    }
    const isSomewhere = this.#brokers.some(({ logs }) => missingFrom(truth, logs[index]!) < 0)
    if (!isSomewhere) this.fail('R8', `no disk has all ${visible.length} visible records of ${index}`)
  }

  /** R3, R12: what is written to the store makes sense, and epochs only grow. */
  stored(index: number, next: PartitionMeta, minIsr: number): void {
    const truth = this.truths[index]!
    const before = truth.stored
    truth.stored = next
    const { isr, elr = [], replicas, leader } = next
    const told = `${index}: leader ${leader}, in sync ${isr}, eligible ${elr}, replicas ${replicas}`
    const isLower = (name: 'leaderEpoch' | 'partitionEpoch' | 'controllerEpoch') =>
      before && next[name] < before[name]
    if (isLower('leaderEpoch') || isLower('controllerEpoch'))
      this.fail('R3', `an epoch of ${index} went back`)
    if (before && next.partitionEpoch <= before.partitionEpoch) {
      this.fail('R3', `partition ${index} was changed twice from ${before.partitionEpoch}`)
    }
    if (before && next.leader !== before.leader && next.leaderEpoch === before.leaderEpoch) {
      this.fail('R1', `partition ${index} has another leader in the same epoch`)
    }
    if (!isr.every(id => replicas.includes(id))) this.fail('R12', `in sync but no replica: ${told}`)
    if (leader >= 0 && !isr.includes(leader)) this.fail('R12', `the leader is not in sync: ${told}`)
    if (elr.some(id => isr.includes(id))) this.fail('R12', `eligible and in sync: ${told}`)
    if (elr.length > 0 && isr.length >= Math.min(minIsr, replicas.length)) {
      this.fail('R12', `eligible beside a set that is large enough: ${told}`)
    }
    if (next.leaderRecovery === 1) this.fail('R8', `an unclean election: ${told}`)
    this.count('changes of the sets')
    this.heldBySets(index)
  }

  /** R7: a directory that lost what it had is in no set when it comes back. */
  registered(brokerId: number): void {
    this.truths.forEach(({ stored }, index) => {
      if (!stored || !this.#brokers[brokerId - 1]!.isWiped) return
      const isIn =
        stored.leader === brokerId || stored.isr.includes(brokerId) || stored.elr?.includes(brokerId)
      if (isIn) this.fail('R7', `${brokerId} lost its disk and is back in a set of ${index}`)
    })
  }

  acknowledged(shell: ReplicaShell, value: number, offset: number, isLeaseOver: boolean): void {
    const truth = this.truths[shell.index]!
    const { brokerId, leaderEpoch } = shell.replica
    truth.acknowledged++
    this.count('acknowledged')
    if (truth.visible[offset]?.value !== value) {
      this.fail(
        'R8',
        `${brokerId} in epoch ${leaderEpoch} acknowledged ${value} at ${offset} of ${shell.index}, where it is not`,
      )
    }
    if (isLeaseOver && !shell.isAttended())
      this.fail(
        'R2',
        `${brokerId} acknowledged ${value} after its session had ended, with nobody in attendance`,
      )
  }

  /** R11. */
  read(index: number, brokerId: number, from: number, entries: readonly LogEntry[]): void {
    entries.forEach((entry, at) => {
      const seen = this.truths[index]!.visible[from + at]
      if (!seen || seen.value !== entry.value || seen.epoch !== entry.epoch) {
        this.fail('R11', `a consumer of ${index} reads ${entry.value} at ${from + at} from ${brokerId}`)
      }
    })
  }

  /** R10, and that what a role knows of its log is so. */
  changed({ index, log, replica }: ReplicaShell): void {
    const { brokerId, highWatermark, durableEnd, logEndOffset, role } = replica
    if (role === 'offline') return
    if (highWatermark > log.end || durableEnd > log.end || logEndOffset !== log.end) {
      this.fail(
        'R10',
        `${brokerId} of ${index}: watermark ${highWatermark}, flushed ${durableEnd}, end ${log.end}`,
      )
    }
  }

  #firstDifference(truth: Truth, log: MemoryLog, upTo: number): number {
    for (; log.comparedEnd < Math.min(upTo, log.end, truth.visible.length); log.comparedEnd++) {
      if (!isSame(truth.visible[log.comparedEnd]!, log.entries[log.comparedEnd]!)) return log.comparedEnd
    }
    return -1
  }
}

/** The first visible offset that this log does not have as it was seen, -1 if it has all. */
export function missingFrom({ visible }: Pick<Truth, 'visible'>, log: MemoryLog): number {
  for (; log.comparedEnd < visible.length; log.comparedEnd++) {
    const entry = log.entries[log.comparedEnd]
    if (!entry || !isSame(visible[log.comparedEnd]!, entry)) return log.comparedEnd
  }
  return -1
}

function isSame(one: LogEntry, other: LogEntry): boolean {
  return one.value === other.value && one.epoch === other.epoch
}
