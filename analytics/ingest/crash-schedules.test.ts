// Seeded crash schedules of the count: several processes that share partitions or all believe they own them, killed
// between any two statements, paused, and all at once by a power cut that takes a tail of what was written. At every
// crash the store is the fold of the records before its offsets, no more and no less; at the end it has them all.
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Connection, openStore } from '../store/schema.ts'
import { leaseMs } from '../store/slots.ts'
import {
  assertAsUndisturbed,
  assertSame,
  partitions,
  randomLog,
  seeded,
  startIngest,
  TestClock,
  topics,
  undisturbedRun,
} from './ingest-story.ts'
import type { MemoryLog } from './memory-log.ts'
import { type NaiveRecord, naiveCount } from './naive-count.ts'

const firstSeed = Number(process.env['TAILRACE_FIRST_SEED'] ?? 1)
const seedsEach = 5
const processesMax = 3
const turns = 140

interface Process {
  readonly owner: string
  readonly connection: Connection
  readonly running: ReturnType<typeof startIngest>
  /** Statements until it dies in the middle of what it does. */
  left: number
}

const everything = Object.keys(topics).flatMap(topic =>
  Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
)

class Schedule {
  readonly #directory: string
  readonly #log: MemoryLog
  readonly #records: readonly NaiveRecord[]
  readonly #random: (below: number) => number
  readonly #clock = new TestClock()
  readonly #up = new Map<string, Process>()
  #path: string
  #lives = 0
  readonly did = {
    kills: 0,
    deaths: 0,
    failures: 0,
    cuts: 0,
    fenced: 0,
    handovers: 0,
    takeovers: 0,
    checks: 0,
  }

  constructor(directory: string, seed: number) {
    this.#directory = directory
    this.#path = join(directory, 'windows-0.db')
    const { log, records } = randomLog(seed, 50)
    this.#log = log
    this.#records = records
    this.#random = seeded(seed + 1_000)
  }

  run(): void {
    for (let turn = 0; turn < turns; turn++) {
      while (this.#up.size < 1 + this.#random(processesMax)) this.#startWithSome()
      this.#act([...this.#up.values()][this.#random(this.#up.size)]!)
    }
    for (const process of this.#up.values()) this.#end(process)
    this.#finish()
  }

  #act(process: Process): void {
    const { ingest, loop } = process.running
    const failures = ingest.counters.failures
    const kind = this.#random(40)
    const some = everything[this.#random(everything.length)]!
    if (kind < 22) loop.turn(1 + this.#random(3))
    else if (kind < 28) ingest.flush()
    else if (kind < 31) this.#handOver(process, some)
    else if (kind < 34) ingest.assign(some.topic, some.partition, 'id', 0)
    else if (kind < 36) process.left = this.#random(200)
    else if (kind === 36) this.#takeOver()
    else if (kind === 37) ingest.retire()
    else if (kind === 38) this.#kill(process)
    else if (this.#random(2) === 0) this.#cutPower()
    if (ingest.counters.failures > failures && this.#up.has(process.owner)) this.#failed(process)
  }

  /** Something went wrong within a transaction: it dies of it, or it goes on, as when a disk was full for a moment. */
  #failed(process: Process): void {
    process.left = Number.POSITIVE_INFINITY
    if (this.#random(2) === 0) this.did.failures++
    else {
      this.did.deaths++
      this.#end(process)
    }
    this.#check()
  }

  /** A process takes the slot of one that is slow, but lives, and goes on as if nothing had happened. */
  #takeOver(): void {
    this.#clock.nowMs += leaseMs + 1
    if (this.#up.size <= processesMax) this.#startWithSome()
    this.did.takeovers++
  }

  #handOver({ running: { ingest } }: Process, some: (typeof everything)[number]): void {
    this.did.handovers++
    ingest.unassign([some])
  }

  #kill(process: Process): void {
    this.did.kills++
    this.#end(process)
    this.#check()
  }

  /** Everybody dies, and the newest bytes of the log of writes never reached the disk. */
  #cutPower(): void {
    this.did.cuts++
    for (const process of this.#up.values()) process.running.ingest.abandon()
    const next = join(this.#directory, `windows-${this.did.cuts}.db`)
    copyFileSync(this.#path, next)
    const written = readFileSync(`${this.#path}-wal`)
    writeFileSync(`${next}-wal`, written.subarray(0, this.#random(written.length + 1)))
    for (const process of [...this.#up.values()]) this.#end(process)
    this.#path = next
    this.#check()
  }

  #start(): Process {
    const owner = `life ${this.#lives++}`
    const connection = this.#open()
    const claimant = {
      owner,
      wallMs: () => this.#clock.wallMs(),
      isGone: (other: string) => !this.#up.has(other),
    }
    let left = () => Number.POSITIVE_INFINITY
    const beforeStatement = () => {
      if (left() <= 0) throw new Error('killed')
    }
    const running = startIngest(connection, this.#log, this.#clock, { claimant, beforeStatement })
    const process: Process = { owner, connection, running, left: Number.POSITIVE_INFINITY }
    left = () => process.left--
    this.#up.set(owner, process)
    return process
  }

  /** Of some partitions only, as the group may have it; others may have the same. */
  #startWithSome(): void {
    this.#start().running.ingest.unassign(everything.filter(() => this.#random(2) === 0))
  }

  #open(): Connection {
    const connection = openStore(this.#path)
    // What a checkpoint has moved into the file itself cannot be lost any more; here all of it can.
    connection.pragma('wal_autocheckpoint = 0')
    return connection
  }

  #end(process: Process): void {
    this.did.fenced += process.running.ingest.counters.fenced
    process.running.ingest.abandon()
    this.#up.delete(process.owner)
    // The last one to close would move everything into the file.
    this.#open()
    process.connection.close()
  }

  /** The store is the fold of the records below its offsets. */
  #check(): void {
    this.did.checks++
    const connection = this.#open()
    assert.equal(connection.pragma('integrity_check', { simple: true }), 'ok')
    const sources = connection.prepare('SELECT topic, partition, next FROM sources').all() as Next[]
    const next = new Map(sources.map(row => [`${row.topic}-${row.partition}`, row.next]))
    const seen = new Map<string, number>()
    const before = this.#records.filter(({ topic, partition }) => {
      const name = `${topic}-${partition}`
      const offset = seen.get(name) ?? 0
      seen.set(name, offset + 1)
      return offset < (next.get(name) ?? 0)
    })
    assertSame(connection, naiveCount(before))
  }

  #finish(): void {
    const { running, connection } = this.#start()
    while (running.loop.turn());
    assert(running.ingest.flush())
    assertSame(connection, naiveCount(this.#records))
    const undisturbed = undisturbedRun(join(this.#directory, 'undisturbed.db'), this.#log)
    assertAsUndisturbed(connection, undisturbed)
    undisturbed.close()
    connection.close()
  }
}

interface Next {
  readonly topic: string
  readonly partition: number
  readonly next: number
}

test('whatever dies, and whoever believes he owns what, every record is counted once', async context => {
  const did = { kills: 0, deaths: 0, failures: 0, cuts: 0, fenced: 0, handovers: 0, takeovers: 0, checks: 0 }
  for (let seed = firstSeed; seed < firstSeed + seedsEach; seed++) {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'crash-schedules-'))
    const schedule = new Schedule(directory.path, seed)
    try {
      schedule.run()
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
    for (const name of Object.keys(did) as (keyof typeof did)[]) did[name] += schedule.did[name]
  }
  context.diagnostic(`figure ${seedsEach} schedules from ${firstSeed}: ${JSON.stringify(did)}`)
  // Of these seeds it is known; five others may lack a kind.
  if (firstSeed !== 1) return
  for (const [name, count] of Object.entries(did)) assert(count > 0, `no ${name} in ${seedsEach} schedules`)
})
