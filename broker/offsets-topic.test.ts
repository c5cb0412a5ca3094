// `__consumer_offsets` after compaction: a replay gives what a replay of every record gave, on the leader, after a
// restart, and on a follower that has fetched over the gaps and leads now.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newGroup } from './groups/group.ts'
import { type AppendWaiter, OffsetStore } from './groups/offsets.ts'
import type { LogDirectory } from './log/log-directory.ts'
import { appended, Heard, openDirectory, startMs, topicId } from './log/log-fixture.ts'
import type { PartitionLog } from './log/partition-log.ts'
import { SimDisk } from './log/sim-disk.ts'
import { OffsetsTopic, offsetsTopic } from './offsets-topic.ts'
import type { TopicTable } from './topic-table.ts'

const groups = ['readers', 'writers', 'gone']
const hourMs = 3_600_000

/** One broker's replicas of the topic, without the others. */
class Replica {
  readonly disk = new SimDisk()
  directory: LogDirectory

  constructor() {
    this.disk.nowMs = startMs
    this.directory = this.#open()
    for (let index = 0; index < offsetsTopic.partitions; index++)
      this.directory.create(offsetsTopic.name, index, topicId)
  }

  #open(): LogDirectory {
    const config = { isCompacted: true, isRetained: false, segmentBytes: 1_000, deleteRetentionMs: hourMs }
    return openDirectory(this.disk, config, new Heard())
  }

  restart(): void {
    this.disk.crash('none', () => 0)
    this.directory = this.#open()
  }

  log(index: number): PartitionLog {
    return this.directory.get(offsetsTopic.name, index)!
  }

  get topic(): OffsetsTopic {
    const partitions = Array.from({ length: offsetsTopic.partitions }, (_, index) => ({
      log: this.log(index),
      append: (batch: Buffer, _acks: number, waiter: AppendWaiter) => {
        const result = this.log(index).append(batch, 0, this.disk.nowMs)
        appended(result)
        this.commit(index)
        waiter.settled('none')
        return result
      },
    }))
    const table: Pick<TopicTable, 'byName'> = { byName: () => ({ partitions }) as never }
    return new OffsetsTopic(table as TopicTable, () => this.disk.nowMs)
  }

  commit(index: number): void {
    const log = this.log(index)
    log.requestFlush()
    this.disk.completeFlushes()
    log.highWatermark = log.durableEnd
  }

  /** Until nothing is left to clean. */
  compact(): number {
    const { cleaner } = this.directory
    for (let before = -1; before < cleaner.totals.cleanings; ) {
      before = cleaner.totals.cleanings
      cleaner.look(this.directory.logs(), this.disk.nowMs)
      this.disk.completeFlushes()
    }
    return cleaner.totals.cleanings
  }

  /** What a coordinator that begins here knows. */
  replayed(): unknown {
    const store = new OffsetStore(this.topic)
    const generations = new Map<string, number>()
    for (let index = 0; index < offsetsTopic.partitions; index++) {
      store.load(index, ({ group, value }) => {
        if (value) generations.set(group, value.generation)
        else generations.delete(group)
      })
    }
    const offsets = groups.map(group => [
      group,
      [...store.topicsOf(group)].map(([name, all]) => [name, [...all].sort(([a], [b]) => a - b)]),
    ])
    return { offsets, generations: [...generations].sort() }
  }

  get sizeBytes(): number {
    return [...this.directory.logs()].reduce((sum, log) => sum + log.sizeBytes, 0)
  }

  /** Everything that `leader` has, batch by batch, as a follower appends it. */
  follow(leader: Replica): void {
    for (let index = 0; index < offsetsTopic.partitions; index++) {
      const from = leader.log(index)
      const to = this.log(index)
      while (to.logEndOffset < from.logEndOffset) {
        const range = from.read(to.logEndOffset, 4_096, from.logEndOffset, true)
        const before = to.logEndOffset
        to.appendFetched(from.copy(range), before, 0, this.disk.nowMs)
        assert(to.logEndOffset > before, 'it goes on over the gap')
      }
      this.commit(index)
    }
  }
}

const nobody: AppendWaiter = { settled: error => assert.equal(error, 'none') }

function worked(replica: Replica): void {
  const store = new OffsetStore(replica.topic)
  for (let round = 0; round < 120; round++) {
    for (const group of groups) {
      const committed = { offset: round, leaderEpoch: 0, metadata: '', commitTimestampMs: startMs }
      store.commit(group, [{ topic: 'logs', partition: round % 4, committed }], startMs, nobody)
      if (round % 20 === 0) store.persist({ ...newGroup(group, 0), generation: round }, startMs, nobody)
    }
  }
  store.remove('gone', startMs, nobody)
  for (let round = 0; round < 20; round++) {
    const committed = { offset: 1_000 + round, leaderEpoch: 0, metadata: 'late', commitTimestampMs: startMs }
    for (const group of ['readers', 'writers'])
      store.commit(group, [{ topic: 'metrics', partition: 0, committed }], startMs, nobody)
  }
}

test('a replay of compacted offsets gives what a replay of every record gave, after a failover too', () => {
  const leader = new Replica()
  worked(leader)
  const before = leader.replayed()
  const sizeBytes = leader.sizeBytes
  assert(leader.compact() > 0)
  assert(leader.sizeBytes < sizeBytes / 4, `${leader.sizeBytes} of ${sizeBytes} bytes are left`)
  assert.deepEqual(leader.replayed(), before)
  leader.restart()
  assert.deepEqual(leader.replayed(), before, 'after a crash')

  const follower = new Replica()
  follower.follow(leader)
  assert.deepEqual(follower.replayed(), before, 'a follower that leads now')
  // Tombstones go once their time has come, and what they deleted does not come back.
  leader.disk.nowMs += 3 * hourMs
  follower.disk.nowMs += 3 * hourMs
  worked(follower)
  const later = follower.replayed()
  follower.compact()
  follower.disk.nowMs += 3 * hourMs
  worked(follower)
  follower.compact()
  assert.deepEqual(follower.replayed(), later)
  follower.restart()
  assert.deepEqual(follower.replayed(), later)
})
