// Five seeded crash schedules of real processes: three that count, one of which believes that it owns every partition,
// and the broker and the agent, killed with -9 while lines are written to files that rotate. Afterwards every count of
// each schedule equals the generator's own ledger. Clauses D1, E1, F1.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LossesAnswer } from '../../analytics/http/contract.ts'
import { demoInputs, topics } from '../../cli/processes.ts'
import type { LedgerDocument } from '../../fixtures/ledger.ts'
import { Random } from '../../fixtures/random.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, type Room, startAppliance } from './appliance.ts'
import { counted, equalsLedger, quiescent } from './ledger-comparison.ts'
import { writeTraffic } from './traffic.ts'

const schedules = 5
const lines = 8_000
const linesPerSecond = 4_000
const minuteMs = 60_000
const greedy: Room = 'ingest-9'
/** Each schedule kills two that count and one that carries; each of them is killed. */
const victims: readonly (readonly Room[])[] = [
  ['analytics', greedy, 'agent'],
  ['ingest-2', greedy, 'broker'],
  ['analytics', 'ingest-2', 'agent'],
  [greedy, 'analytics', 'broker'],
  ['ingest-2', greedy, 'agent'],
]

test('five crash schedules: every line is counted once, whoever dies and whoever believes what', async context => {
  const firstSeed = Number(process.env['TAILRACE_SEED'] ?? Date.now() % 100_000)
  await using traffic = await mkdtempDisposable(join(tmpdir(), 'tailrace-schedules-'))
  const directories = Array.from({ length: schedules }, (_, index) => join(traffic.path, `schedule-${index}`))
  await using appliance = await startAppliance(directories.flatMap(demoInputs), { ingestProcesses: 2 })
  await startGreedy(appliance)
  const ledgers: LedgerDocument[] = []
  // In the past, and each in minutes of its own.
  const startMs = Math.floor((Date.now() - 60 * minuteMs) / minuteMs) * minuteMs
  for (const [index, directory] of directories.entries()) {
    const seed = firstSeed + index
    const writing = writeTraffic({
      directory,
      seed,
      linesPerSecond,
      lines,
      files: 2,
      startTime: startMs + index * 10 * minuteMs,
      rotate: { everyLines: 1_500, keep: 100, files: ['access-1.log'] },
      ledgerPath: join(traffic.path, `ledger-${index}.json`),
    })
    await killSome(appliance, victims[index]!, seed, context)
    ledgers.push(await writing)
  }
  for (const ledger of ledgers) await allCounted(appliance, ledger)
  await quiescent(appliance)
  for (const ledger of ledgers) {
    assert.equal(await counted(appliance, ledger), lines, 'every line once')
    await equalsLedger(appliance, ledger, context)
  }
  const losses = await appliance.get<LossesAnswer>('/losses')
  assert.deepEqual(losses.entries, [], 'the loss ledger is empty')
})

/** Beside the two that share the partitions. */
async function startGreedy(appliance: Appliance): Promise<void> {
  const config = {
    path: join(appliance.directory, 'data/analytics/windows.db'),
    bootstrap: [appliance.kafkaAddress],
    topics,
    timeZone: 'UTC',
  }
  const entry = join(import.meta.dirname, 'greedy-ingest.ts')
  await appliance.supervisor.start({ name: greedy, entry, config, stopTimeoutMs: 1_000 })
}

/** At random moments of the time in which lines are written. Resolves when all of them are back. */
async function killSome(
  appliance: Appliance,
  rooms: readonly Room[],
  seed: number,
  context: TestContext,
): Promise<void> {
  const random = new Random(seed)
  const writingMs = (lines / linesPerSecond) * 1_000
  const order = rooms.map(room => ({ room, at: 200 + random.fraction() * writingMs }))
  const told = order.map(({ room, at }) => `${room} at ${(at / 1_000).toFixed(1)} s`)
  context.diagnostic(`figure seed ${seed}: ${told.join(', ')}`)
  await Promise.all(
    order.map(async ({ room, at }) => {
      await new Promise(resolve => setTimeout(resolve, at))
      await appliance.kill(room)
    }),
  )
}

async function allCounted(appliance: Appliance, ledger: LedgerDocument): Promise<void> {
  await eventually(
    'every line is counted',
    () => counted(appliance, ledger),
    count => count >= lines,
    180_000,
  )
}
