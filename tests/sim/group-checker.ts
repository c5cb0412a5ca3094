// What must hold of groups, whoever looks after them: what was acknowledged as committed is never forgotten, nothing
// is shown that could still be lost, generations never go back, and in one generation a partition has one owner.
// The truth is the visible part of the log, folded.
import { decodeGroupRecord } from '../../broker/groups/group-records.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import type { Checker } from './checker.ts'
import type { ReplicaShell } from './replica-shell.ts'

/** How a commit is known again: in the text that comes with it. */
export function noteOf(generation: number, commit: number): string {
  return `${generation}/${commit}`
}

export class GroupChecker {
  readonly #checker: Checker
  readonly #index: number
  /** Of each commit: where its newest record is. */
  readonly #positions = new Map<string, number>()
  readonly #acknowledged = new Map<number, { readonly note: string; readonly position: number }>()
  readonly #generations = new Map<number, number>()
  readonly #owners = new Map<string, string>()
  #foldedEnd = 0
  #highestGeneration = 0

  constructor(checker: Checker, index: number) {
    this.#checker = checker
    this.#index = index
  }

  committed(partition: number, note: string): void {
    this.#fold()
    const position = this.#positions.get(note)
    this.#checker.count('commits')
    if (position === undefined) {
      this.#checker.fail('R8', `commit ${note} of ${partition} was acknowledged and is not visible`)
      return
    }
    const before = this.#acknowledged.get(partition)
    if (!before || position > before.position) this.#acknowledged.set(partition, { note, position })
  }

  /** What a coordinator answers to who asks for the committed offset. */
  fetched(shell: ReplicaShell, partition: number, note: string | null): void {
    this.#fold()
    const { replica } = shell
    const acknowledged = this.#acknowledged.get(partition)
    const position = note === null ? -1 : this.#positions.get(note)
    const told = `${replica.brokerId} in epoch ${replica.leaderEpoch} tells commit ${note} of ${partition}`
    this.#checker.count('fetched offsets')
    if (position === undefined) this.#checker.fail('R2', `${told}, which is not committed`)
    else if (acknowledged && position < acknowledged.position && this.#isCurrent(shell)) {
      this.#checker.fail('R8', `${told}, after ${acknowledged.note} was acknowledged`)
    }
  }

  /** What a coordinator answers to a member that asks for its share. */
  shared(shell: ReplicaShell, generation: number, member: string, partitions: readonly number[]): void {
    const { brokerId, leaderEpoch } = shell.replica
    this.#checker.count('shares')
    this.#checker.tell(
      `broker ${brokerId} in epoch ${leaderEpoch} shares ${partitions} in generation ${generation}`,
    )
    if (generation < this.#highestGeneration) {
      const text = `${brokerId} shares in generation ${generation}, after ${this.#highestGeneration}`
      if (this.#isCurrent(shell)) this.#checker.fail('R3', text)
    }
    this.#highestGeneration = Math.max(this.#highestGeneration, generation)
    for (const partition of partitions) {
      const key = `${generation}/${partition}`
      const other = this.#owners.get(key)
      if (other !== undefined && other !== member)
        this.#checker.fail('R1', `${partition} has two owners in generation ${generation}`)
      this.#owners.set(key, member)
    }
  }

  #storedEpoch(): number {
    return this.#checker.truths[this.#index]!.stored?.leaderEpoch ?? -1
  }

  #isCurrent({ replica }: ReplicaShell): boolean {
    return replica.role === 'leader' && replica.leaderEpoch === this.#storedEpoch()
  }

  #fold(): void {
    const { visible } = this.#checker.truths[this.#index]!
    for (; this.#foldedEnd < visible.length; this.#foldedEnd++) {
      const { batch } = visible[this.#foldedEnd]!
      if (batch) this.#foldBatch(batch, this.#foldedEnd)
    }
  }

  #foldBatch(batch: Buffer, position: number): void {
    walkRecords(batch, (_offset, _time, buffer, keyStart, keyEnd, valueStart, valueEnd) => {
      const value = valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
      const record = decodeGroupRecord(buffer.subarray(keyStart, keyEnd), value)
      if (record?.type !== 'offset' || record.value === null) return
      const { metadata } = record.value
      const generation = Number.parseInt(metadata, 10)
      const newest = this.#generations.get(record.partition) ?? 0
      this.#positions.set(metadata, position)
      this.#generations.set(record.partition, Math.max(newest, generation))
      if (generation < newest) {
        const text = `generation ${generation} commits ${record.partition} after ${newest} did`
        this.#checker.fail('R2', text)
      }
    })
  }
}
