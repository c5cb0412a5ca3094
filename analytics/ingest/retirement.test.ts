// How dedup rows are let go: only when no copy of a src's records can come any more, by what was read and not by what a
// clock says of others; and what comes all the same is counted, with an entry. Delivery rules 21, 22 and 23.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { dayMs } from '../store/dedup-rows.ts'
import { type Connection, openStore } from '../store/schema.ts'
import { baseMs, startIngest, TestClock, totalLines } from './ingest-story.ts'
import { MemoryLog } from './memory-log.ts'

const [one, two] = ['agent001.file0.aa', 'agent002.file0.bb'] as const

class Scene {
  readonly log = new MemoryLog()
  readonly clock = new TestClock()
  readonly connection: Connection
  #running

  constructor(path: string) {
    this.connection = openStore(path)
    this.#running = this.#start()
  }

  /** One line of a src; all at the same moment, as late as that may be. */
  line(src: string, pos: number, partition = 0): void {
    this.log.produce('logs', partition, [{ line: 'x', timestampMs: baseMs, format: 'raw', src, pos }])
  }

  finished(src: string): void {
    const line = JSON.stringify({ finished: src, end: '99' })
    this.log.produce('__tailrace_agents', 0, [{ line, timestampMs: baseMs, key: `finished:${src}` }])
  }

  /** Reads to the end and commits, as every day does, and lets go what can go. */
  read(): void {
    while (this.#running.loop.turn());
    assert(this.#running.ingest.flush())
    // As a fetch loop tells of partitions with nothing new.
    for (const { topic, partition } of this.#running.ingest.counted()) {
      const [start, end] = [this.log.start(topic, partition), this.log.end(topic, partition)]
      const from = { highWatermark: end, logStartOffset: start, nextOffset: end }
      this.#running.ingest.onBatches(topic, partition, Buffer.alloc(0), from)
    }
    this.#running.ingest.retire()
  }

  days(count: number): void {
    this.clock.nowMs += count * dayMs
  }

  /** Days on which somebody else writes, and this process reads. */
  liveDays(count: number): void {
    for (let day = 0; day < count; day++) {
      this.days(1)
      this.line(two, ++this.#position)
      this.read()
    }
  }

  restart(): void {
    this.#running.ingest.abandon()
    this.#running = this.#start()
  }

  rows(): string[] {
    const sql = 'SELECT src FROM dedup WHERE retired_at IS NULL ORDER BY src'
    return this.connection.prepare<[], string>(sql).pluck().all()
  }

  losses(): unknown[] {
    return this.connection.prepare('SELECT reason, source FROM losses ORDER BY at, key').all()
  }

  count(table: string): unknown {
    return this.connection.prepare(`SELECT count(*) FROM ${table}`).pluck().get()
  }

  #position = 0

  #start() {
    const running = startIngest(this.connection, this.log, this.clock)
    running.ingest.assign('__tailrace_agents', 0, 'id', 0)
    return running
  }
}

async function scene(run: (scene: Scene) => void): Promise<void> {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'retirement-'))
  const made = new Scene(join(directory.path, 'windows.db'))
  run(made)
  made.connection.close()
}

test('a row goes when its src is finished, a day has passed, and the end of the log after that day is read', () =>
  scene(s => {
    s.line(one, 1)
    s.finished(one)
    s.read()
    s.liveDays(1)
    assert.deepEqual(s.rows(), [one, two])
    // Behind the end of that day, in the log and unread: a copy that was in a socket all the time.
    s.days(1)
    s.line(one, 1)
    s.read()
    assert.equal(totalLines(s.connection), 2)
    // Every partition that is read has now been read to the end that it had two days after.
    s.liveDays(1)
    assert.deepEqual(s.rows(), [two])
    assert.deepEqual(s.losses(), [])
  }))

test('a src that was never declared finished keeps its row, whatever is read', () =>
  scene(s => {
    s.line(one, 1)
    s.read()
    s.liveDays(20)
    s.line(one, 1)
    s.read()
    assert.deepEqual(s.rows(), [one, two])
    assert.equal(totalLines(s.connection), 21)
  }))

test('the end of the log counts, not the calendar: what lies unread may hold copies', () =>
  scene(s => {
    s.line(one, 1)
    s.finished(one)
    s.read()
    s.days(5)
    // Nobody has read for five days; a copy waits among what came meanwhile.
    s.line(two, 1)
    s.line(one, 1)
    s.restart()
    s.read()
    assert.equal(totalLines(s.connection), 2)
    assert.deepEqual(s.losses(), [])
  }))

test('a finished src that comes back is counted, and the ledger says that two speak as one', () =>
  scene(s => {
    s.line(one, 1)
    s.finished(one)
    s.read()
    s.liveDays(3)
    s.line(one, 1)
    s.line(one, 2)
    s.read()
    assert.equal(totalLines(s.connection), 6)
    assert.deepEqual(s.losses(), [{ reason: 'possibly-twice: forked', source: one }])
  }))

test('what is remembered of a finished src goes after a month', () =>
  scene(s => {
    s.line(one, 1)
    s.finished(one)
    s.read()
    s.liveDays(40)
    assert.equal(s.count('dedup'), 1)
    assert.equal(s.count('finished'), 0)
    assert((s.count('log_ends') as number) <= 7 * 41)
  }))

test('an agent that was silent for a month is counted anew when it resumes, with one entry', () =>
  scene(s => {
    s.line(one, 1)
    s.line(one, 2)
    s.read()
    s.liveDays(31)
    assert.deepEqual(s.rows(), [two])
    assert.equal(s.count('tombstones'), 1)
    s.line(one, 2)
    s.line(one, 3)
    s.read()
    assert.equal(totalLines(s.connection), 2 + 31 + 2)
    assert.deepEqual(s.losses(), [{ reason: 'possibly-twice: resumed', source: 'agent001' }])
    assert.equal(s.count('tombstones'), 0)
    s.line(one, 3)
    s.read()
    assert.equal(totalLines(s.connection), 2 + 31 + 2)
  }))

test('our own absence is nobody’s silence', () =>
  scene(s => {
    s.line(one, 1)
    s.read()
    s.days(60)
    s.restart()
    s.line(two, 1000)
    s.line(one, 1)
    s.read()
    assert.deepEqual(s.rows(), [one, two])
    assert.equal(totalLines(s.connection), 2)
    assert.deepEqual(s.losses(), [])
  }))

test('a crash between the count of what came back and its commit says it once all the same', () =>
  scene(s => {
    s.line(one, 1)
    s.read()
    s.liveDays(31)
    s.line(one, 1)
    s.restart()
    s.read()
    s.restart()
    s.read()
    assert.deepEqual(s.losses(), [{ reason: 'possibly-twice: resumed', source: 'agent001' }])
    assert.equal(totalLines(s.connection), 1 + 31 + 1)
  }))
