// The rhythm of commits: quick ones as often as they are asked for, slow ones less often, and never too seldom.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { flushDueMs, type LastCommit, noCommit } from './flush-rhythm.ts'
import { Ingest } from './ingest.ts'
import { randomLog, silent, TestClock, topics } from './ingest-story.ts'
import { MemoryLoop } from './memory-log.ts'

test('the next commit waits as long as the last one makes it', () => {
  const table: [tookMs: number, dueAfterMs: number][] = [
    [0, 200],
    [40, 200],
    [100, 200],
    [150, 300],
    [400, 800],
    [1000, 2000],
    [30_000, 2000],
  ]
  for (const [tookMs, dueAfterMs] of table) {
    const due = flushDueMs(5000, { endedMs: 5000, tookMs }, 200)
    assert.equal(due - 5000, dueAfterMs, `a commit of ${tookMs} ms`)
  }
})

test('what arrives in a quiet moment is committed as soon as its fetch is over', () => {
  assert.equal(flushDueMs(5000, noCommit, 200), 5020)
  assert.equal(flushDueMs(5000, { endedMs: 1000, tookMs: 500 }, 200), 5020)
})

test('an interval that is longer than any pause stays what it is', () => {
  assert.equal(flushDueMs(0, { endedMs: 0, tookMs: 5000 }, 60_000), 60_000)
})

/** A minute of lines that never pause: a commit writes each of `series` rows once, whatever waits for it. */
function minuteOf(rowMs: number, series: number): { commits: number; share: number; longestMs: number } {
  let now = 0
  let last: LastCommit = noCommit
  let committing = 0
  let longestMs = 0
  let commits = 0
  while (now < 60_000) {
    const from = now
    now = Math.max(now, flushDueMs(now, last, 200)) + rowMs * series
    last = { endedMs: now, tookMs: rowMs * series }
    committing += last.tookMs
    commits++
    longestMs = Math.max(longestMs, now - from)
  }
  return { commits, share: committing / now, longestMs }
}

test('dear rows take freshness, not more than a third of the time', () => {
  const cheap = minuteOf(0.0017, 7700)
  assert.ok(cheap.share < 0.1 && cheap.longestMs < 500, JSON.stringify(cheap))
  const dear = minuteOf(0.0135, 7700)
  assert.ok(dear.share <= 0.35 && dear.longestMs < 500, JSON.stringify(dear))
  const dearest = minuteOf(0.1, 7700)
  assert.ok(dearest.share <= 0.35 && dearest.longestMs < 3000, JSON.stringify(dearest))
  assert.ok(dearest.commits < dear.commits && dear.commits < cheap.commits)
})

test('after a slow commit the next one comes later, and everything is counted', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const clock = new TestClock()
  const days = new ZoneDays('UTC')
  let statementMs = 0
  // The clock stands still but for what statements take.
  const writer = new Writer(connection, days, {
    beforeStatement: () => {
      clock.nowMs += statementMs
    },
  })
  const tookMs: number[] = []
  const ingest = new Ingest({
    ...{ writer, days, clock, log: silent, flushIntervalMs: 200, flushRecordsMax: 1e6 },
    onCommit: commit => tookMs.push(commit.tookMs),
  })
  const { log } = randomLog(3, 60)
  const loop = new MemoryLoop(log, ingest)
  ingest.attach(loop)
  for (const topic of Object.keys(topics)) for (const at of [0, 1]) ingest.assign(topic, at, 'id', 0)

  loop.turn(1)
  statementMs = 1
  assert.ok(ingest.flush())
  statementMs = 0
  assert.ok(tookMs[0]! > 100, 'a commit of more than a hundred statements')
  clock.nowMs += 200
  loop.turn(1)
  assert.equal(ingest.counters.commits, 1, 'the interval alone is not enough')
  clock.nowMs += 2000
  loop.turn(1)
  assert.ok(ingest.counters.commits > 1)
  assert.equal(tookMs.length, ingest.counters.commits)
  while (loop.turn());
  ingest.close()
  connection.close()
})

test('the interval is asked anew for every commit', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const clock = new TestClock()
  const days = new ZoneDays('UTC')
  let intervalMs = 200
  const ingest = new Ingest({
    ...{ writer: new Writer(connection, days), days, clock, log: silent, flushRecordsMax: 1e6 },
    get flushIntervalMs() {
      return intervalMs
    },
  })
  const loop = new MemoryLoop(randomLog(3, 60).log, ingest)
  ingest.attach(loop)
  for (const topic of Object.keys(topics)) for (const at of [0, 1]) ingest.assign(topic, at, 'id', 0)
  const commitsAfter = (ms: number) => {
    clock.nowMs += ms
    loop.turn(1)
    return ingest.counters.commits
  }

  const first = commitsAfter(0)
  assert.equal(commitsAfter(250), first + 1)
  intervalMs = 500
  assert.equal(commitsAfter(250), first + 1, 'nobody looks: twice as long is not enough')
  assert.equal(commitsAfter(300), first + 2)
  intervalMs = 200
  assert.equal(commitsAfter(250), first + 3)
  while (loop.turn());
  ingest.close()
  connection.close()
})
