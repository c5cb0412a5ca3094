// The contract of this model on the real cores: the agent's discovery, reading, tracker, checkpoint with its journal
// and routing on real files, records as they are on the wire, the analytics' dedup, fold and transactions in SQLite.
// Agents are killed by the list of actions; two counts that each believe they are the only one are killed between any
// two of their statements. In the model's place stand still: the producer and the broker (appends in order, repeats
// what was not acknowledged), and time.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentInput } from '../../agent/config.ts'
import { dice, play, type Stage, stepsOf } from '../../agent/random-actions.ts'
import { type TailBounds, TailStory, type Waiting } from '../../agent/tail-story.ts'
import { Ingest } from '../../analytics/ingest/ingest.ts'
import { MemoryLog, MemoryLoop } from '../../analytics/ingest/memory-log.ts'
import { type Connection, openStore } from '../../analytics/store/schema.ts'
import { Writer } from '../../analytics/store/writer.ts'
import { ZoneDays } from '../../analytics/windows/zone-days.ts'
import { createLog } from '../../runtime/log.ts'

const quiet = createLog('test', () => {})
const partitions = 6
const nowMs = Date.parse('2026-11-24T08:01:00Z')
const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs }

/** What was delivered lies in a log; two counts read it, in turns and often cut short. */
class CountedStory extends TailStory {
  readonly #log = new MemoryLog()
  readonly #roll: (below: number) => number
  readonly #path: string
  readonly #isNameless: boolean
  readonly #connections: Connection[] = []
  readonly #counts: ReturnType<CountedStory['startCount']>[] = []
  kills = 0

  constructor(
    inputs: readonly AgentInput[],
    bounds: TailBounds,
    seed: number,
    path: string,
    isNameless: boolean,
  ) {
    super(inputs, quiet, bounds)
    this.#isNameless = isNameless
    this.#roll = dice(seed)
    this.#path = path
    for (let count = 0; count < 2; count++) {
      this.#connections.push(openStore(this.#path))
      this.#counts.push(this.startCount(this.#connections[count]!, true))
    }
  }

  startCount(connection: Connection, isMortal: boolean) {
    let left = isMortal ? 1 + this.#roll(400) : Number.POSITIVE_INFINITY
    const beforeStatement = () => {
      if (left-- <= 0) throw new Error('killed')
    }
    const days = new ZoneDays('UTC')
    const writer = new Writer(connection, days, { beforeStatement })
    const ingest = new Ingest({
      writer,
      days,
      clock,
      log: quiet,
      flushIntervalMs: 60_000,
      flushRecordsMax: 40,
    })
    const loop = new MemoryLoop(this.#log, ingest)
    ingest.attach(loop)
    for (let partition = 0; partition < partitions; partition++) ingest.assign('logs', partition, 'id', 0)
    return { ingest, loop }
  }

  override deliver(record: Waiting): void {
    super.deliver(record)
    const { src, partition, position, line } = record
    const origin = this.#isNameless ? {} : { src, pos: position }
    const sent = { line, timestampMs: nowMs, format: 'combined', ...origin }
    this.#log.produce('logs', partition, [sent], this.#roll(2) > 0 ? 'zstd' : 'none')
    if (this.#roll(4) === 0) this.#work(this.#roll(2))
  }

  #work(which: number): void {
    const { ingest, loop } = this.#counts[which]!
    loop.turn(1 + this.#roll(3))
    if (this.#roll(3) === 0) ingest.flush()
    if (ingest.counters.failures === 0) return
    // What a killed process leaves behind is the file alone.
    ingest.abandon()
    this.kills++
    this.#counts[which] = this.startCount(this.#connections[which]!, true)
  }

  /** How often each line was counted, by the number in its path. */
  finish(): Map<string, number> {
    for (const { ingest } of this.#counts) ingest.abandon()
    const last = this.startCount(this.#connections[0]!, false)
    while (last.loop.turn());
    assert(last.ingest.flush())
    const rows = this.#connections[0]!.prepare<[], { path: string; n: number }>(
      `SELECT json_extract(s.labels, '$.path') AS path, sum(c.n) AS n FROM counts c JOIN series s ON s.id = c.series
         WHERE s.metric = 'requests' AND s.dims = 'path' AND c.step = 60 GROUP BY s.id`,
    ).all()
    return new Map(rows.filter(({ n }) => n !== 0).map(({ path, n }) => [path, n]))
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }
}

export interface RealOutcome {
  readonly lines: number
  readonly kills: number
}

/** One list of actions; throws where a line is missing, counted twice, or counted otherwise than the model says.
 * Records that are `isNameless` do not say where they come from, so that nobody can know them again. */
export async function playOnRealCores(seed: number, isNameless = false): Promise<RealOutcome> {
  const directory = await mkdtemp(join(tmpdir(), 'real-cores-'))
  let story: CountedStory | null = null
  let lines = 0
  const stage: Stage = {
    format: 'combined',
    line: (number, filler) =>
      `203.0.113.${number % 9} - - [24/Nov/2026:08:00:00 +0000] "GET /l${number} HTTP/1.1" 200 5 "-" "${filler}`,
    lineEnd: '" 0.01',
    storyOf: (inputs, bounds) => {
      story = new CountedStory(inputs, bounds, seed, join(directory, 'windows.db'), isNameless)
      return story
    },
    judge: ({ counted }, told) => {
      const found = story!.finish()
      const expected = new Map([...counted].map(([line, count]) => [/\/l\d+/.exec(line)![0], count]))
      lines = expected.size
      assert.deepEqual([...found].sort(), [...expected].sort(), told())
    },
  }
  try {
    await play(seed, stepsOf(seed), seed % 2 === 0 ? '*.log' : '*.log*', stage)
    return { lines, kills: story!.kills }
  } finally {
    ;(story as CountedStory | null)?.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
