// Several processes that count into one store: whoever believes he owns a partition, everything is counted once; who
// was taken for dead and comes back is refused; partitions that change hands leave nothing behind in memory.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../store/schema.ts'
import { type Claimant, foreignOwner, leaseMs, processClaimant } from '../store/slots.ts'
import {
  assertAsUndisturbed,
  assertSame,
  baseMs,
  drain,
  partitions,
  randomLog,
  seeded,
  startIngest,
  TestClock,
  topics,
  undisturbedRun,
} from './ingest-story.ts'
import type { MemoryLog } from './memory-log.ts'
import { naiveCount } from './naive-count.ts'

interface Process {
  readonly owner: string
  readonly running: ReturnType<typeof startIngest>
  isUp: boolean
}

/** Processes by name, as the slots see them: one that is down is gone for certain, one that hangs is not. */
class Host {
  readonly clock = new TestClock()
  readonly #path: string
  readonly #log: MemoryLog
  readonly #up = new Map<string, Process>()

  constructor(path: string, log: MemoryLog) {
    this.#path = path
    this.#log = log
  }

  start(owner: string): Process {
    const claimant: Claimant = {
      owner,
      wallMs: () => this.clock.wallMs(),
      isGone: other => !this.#up.has(other),
    }
    const running = startIngest(openStore(this.#path), this.#log, this.clock, { claimant })
    const process = { owner, running, isUp: true }
    this.#up.set(owner, process)
    return process
  }

  kill(process: Process): void {
    process.running.ingest.abandon()
    process.isUp = false
    this.#up.delete(process.owner)
  }
}

const everything = Object.keys(topics).flatMap(topic =>
  Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
)

test('two processes that both own every partition count everything once, each in its slot', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'slots-'))
  const path = join(directory.path, 'windows.db')
  const { log, records } = randomLog(11, 120)
  const host = new Host(path, log)
  const both = [host.start('one'), host.start('two')]
  const random = seeded(5)
  for (let turn = 0; turn < 300; turn++) {
    const { ingest, loop } = both[random(2)]!.running
    loop.turn(1 + random(2))
    if (random(3) === 0) ingest.flush()
  }
  for (let round = 0; round < 3; round++) {
    for (const { running } of both) {
      while (running.loop.turn());
      running.ingest.flush()
    }
  }
  assert.deepEqual(
    both.map(({ running }) => running.writer.slot),
    [0, 1],
  )
  for (const { running } of both) assert(running.ingest.counters.commits > 0)
  assert(both.reduce((sum, { running }) => sum + running.ingest.counters.fenced, 0) > 5)
  const connection = openStore(path)
  assertSame(connection, naiveCount(records))
  const undisturbed = undisturbedRun(join(directory.path, 'undisturbed.db'), log)
  assertAsUndisturbed(connection, undisturbed)
  undisturbed.close()
  const parts = connection.prepare('SELECT DISTINCT part FROM sketches ORDER BY part').pluck().all()
  assert.deepEqual(parts, [0, 1])
  connection.close()
})

test('partitions change hands, processes are killed, and nothing is lost or counted twice', async () => {
  for (const seed of [3, 4, 5]) {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'slots-'))
    const path = join(directory.path, 'windows.db')
    const { log, records } = randomLog(seed, 100)
    const host = new Host(path, log)
    const random = seeded(seed + 100)
    let lives = 3
    const processes = Array.from({ length: 3 }, (_, index) => host.start(`life ${index}`))
    let kills = 0
    for (let turn = 0; turn < 250; turn++) {
      const at = random(processes.length)
      const { ingest, loop } = processes[at]!.running
      const { topic, partition } = everything[random(everything.length)]!
      const kind = random(12)
      if (kind < 7) loop.turn(1 + random(2))
      else if (kind < 9) ingest.flush()
      else if (kind === 9) ingest.unassign([{ topic, partition }])
      else if (kind === 10) ingest.assign(topic, partition, 'id', 0)
      else {
        host.kill(processes[at]!)
        processes[at] = host.start(`life ${lives++}`)
        kills++
      }
    }
    const last = processes[0]!.running
    for (const { topic, partition } of everything) last.ingest.assign(topic, partition, 'id', 0)
    for (let round = 0; round < 2; round++) drain(last)
    assert(kills > 3, `${kills} kills`)
    const connection = openStore(path)
    assertSame(connection, naiveCount(records))
    const undisturbed = undisturbedRun(join(directory.path, 'undisturbed.db'), log)
    assertAsUndisturbed(connection, undisturbed)
    for (const each of [connection, undisturbed]) each.close()
  }
})

test('a process that was paused until another took its slot is refused, and counts on in another slot', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'slots-'))
  const path = join(directory.path, 'windows.db')
  const { log, records } = randomLog(8, 60)
  const host = new Host(path, log)
  const paused = host.start('paused')
  // They have no partition in common: only the slot can tell that its sketches are not the last ones any more.
  const [first, second] = [0, 1].map(one => everything.filter(({ partition }) => partition === one))
  paused.running.ingest.unassign(second!)
  paused.running.loop.turn(2)
  paused.running.ingest.flush()
  // Folded, and then the process hangs before it commits.
  paused.running.loop.turn(2)
  const early = host.start('early')
  assert.equal(early.running.writer.slot, 1)
  host.kill(early)
  host.clock.nowMs += leaseMs + 1
  const successor = host.start('successor')
  assert.equal(successor.running.writer.slot, 0)
  successor.running.ingest.unassign(first!)
  successor.running.loop.turn(4)
  assert(successor.running.ingest.flush())

  assert.equal(paused.running.ingest.flush(), false)
  assert.equal(paused.running.ingest.counters.fenced, 1)
  assert.equal(paused.running.writer.slot, 1)
  for (let round = 0; round < 2; round++) {
    for (const { running } of [paused, successor]) {
      while (running.loop.turn(2));
      running.ingest.flush()
    }
  }
  const connection = openStore(path)
  assertSame(connection, naiveCount(records))
  connection.close()
})

test('versions of commits rise one by one whoever commits, and each says which buckets it touched', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'slots-'))
  const path = join(directory.path, 'windows.db')
  const { log } = randomLog(2, 60)
  const host = new Host(path, log)
  const both = [host.start('one'), host.start('two')]
  both[0]!.running.ingest.unassign(everything.slice(0, 3))
  both[1]!.running.ingest.unassign(everything.slice(3))
  for (let turn = 0; turn < 4; turn++) {
    for (const { running } of both) {
      running.loop.turn(1)
      assert(running.ingest.flush())
    }
  }
  const connection = openStore(path)
  const version = connection.prepare('SELECT version FROM writer').pluck().get() as number
  const changed = connection.prepare('SELECT DISTINCT version FROM changes ORDER BY version').pluck().all()
  assert.deepEqual(
    changed,
    Array.from({ length: version }, (_, index) => index + 1),
  )
  for (const { running } of both) assert.equal(running.ingest.counters.fenced, 0)
  connection.close()
})

test('the slot of a dead process is taken at once, that of a living one is not, whatever the pid', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'slots-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const own = processClaimant(() => baseMs)
  assert.equal(own.isGone(own.owner), false)
  const identity = JSON.parse(own.owner) as Record<string, unknown>
  const child = spawn(process.execPath, ['-e', ''])
  const { pid } = child
  await once(child, 'exit')
  const gone = [
    { ...identity, pid },
    // The pid lives, but was given out again.
    { ...identity, startedAt: 'before' },
    // The same machine, started again since.
    { ...identity, boot: 'an earlier one' },
  ]
  for (const other of gone) assert.equal(own.isGone(JSON.stringify(other)), true, JSON.stringify(other))
  const unknown = [
    { ...identity, pidSpace: 'of a container', pid },
    { ...identity, machine: 'other', boot: 'other', pid },
  ]
  for (const other of unknown) assert.equal(own.isGone(JSON.stringify(other)), false, JSON.stringify(other))
  connection.close()
})

test('a store that another machine counts into is told apart from one that was moved here', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'slots-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const own = processClaimant(() => baseMs)
  const identity = JSON.parse(own.owner) as Record<string, unknown>
  const hold = connection.prepare('UPDATE slots SET owner = ?, lease_until = ? WHERE slot = 0')
  hold.run(own.owner, baseMs + leaseMs)
  assert.equal(foreignOwner(connection, baseMs), null)
  hold.run(JSON.stringify({ ...identity, machine: 'db-2', boot: 'other' }), baseMs + leaseMs)
  assert.deepEqual(foreignOwner(connection, baseMs), { machine: 'db-2', forMs: leaseMs })
  assert.equal(foreignOwner(connection, baseMs + leaseMs), null)
  connection.close()
})
