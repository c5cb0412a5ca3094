// Every line exactly once, while everything is killed: 200,000 generated lines from four access logs of which two
// rotate (and one file each of events and metrics), agent, broker and analytics killed with -9 twice each at random
// moments. Afterwards every count, per minute and dimension, equals the generator's own ledger. Clauses D1, E1.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ClusterAnswer, LossesAnswer } from '../../analytics/http/contract.ts'
import { demoInputs } from '../../cli/processes.ts'
import { Random } from '../../fixtures/random.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, type Room, startAppliance } from './appliance.ts'
import { counted, equalsLedger, quiescent } from './ledger-comparison.ts'
import { writeTraffic } from './traffic.ts'

const lines = 200_000
const linesPerSecond = 8_000
const minuteMs = 60_000
test('200,000 lines are counted exactly once while agent, broker and analytics are killed with -9', async context => {
  await using traffic = await mkdtempDisposable(join(tmpdir(), 'tailrace-exactness-'))
  const ledgerPath = join(traffic.path, 'ledger.json')
  const seed = Number(process.env['TAILRACE_SEED'] ?? Date.now() % 100_000)
  await using appliance = await startAppliance(demoInputs(traffic.path))
  const startedAt = performance.now()
  const writing = writeTraffic(trafficConfig(traffic.path, ledgerPath, seed))
  await killEverythingTwice(appliance, seed, context)
  const ledger = await writing
  assert.equal(ledger.lines, lines)
  await eventually(
    'every line is counted',
    () => counted(appliance, ledger),
    count => count >= lines,
  )
  await quiescent(appliance)
  assert.equal(await counted(appliance, ledger), lines, 'every line once')
  context.diagnostic(
    `figure counted ${Math.round((performance.now() - startedAt) / 1_000)} s after the first line`,
  )

  await equalsLedger(appliance, ledger, context)
  const losses = await appliance.get<LossesAnswer>('/losses')
  assert.deepEqual(losses.entries, [], 'the loss ledger is empty')
  await fillsAllPartitions(appliance, context)
  assert.equal(await counted(appliance, ledger), lines, 'and nothing was counted while all this was compared')
})

function trafficConfig(directory: string, ledgerPath: string, seed: number) {
  return {
    directory,
    seed,
    linesPerSecond,
    lines,
    files: 4,
    // In the past, so that no event time lies ahead of the moment at which its line is read.
    startTime: Math.floor((Date.now() - 45 * minuteMs) / minuteMs) * minuteMs,
    rotate: { everyLines: 9_000, keep: 100, files: ['access-1.log', 'access-3.log'] },
    ledgerPath,
  }
}

/** Six kills in a random order, at random moments of the time in which lines are written. */
async function killEverythingTwice(appliance: Appliance, seed: number, context: TestContext): Promise<void> {
  const random = new Random(seed)
  const rooms: Room[] = ['agent', 'broker', 'analytics', 'agent', 'broker', 'analytics']
  const writingMs = (lines / linesPerSecond) * 1_000
  const order = rooms.map(room => ({ room, at: random.fraction() * writingMs })).sort((a, b) => a.at - b.at)
  const startedAt = performance.now()
  context.diagnostic(
    `figure seed ${seed}: ${order.map(({ room, at }) => `${room} at ${(at / 1_000).toFixed(1)} s`).join(', ')}`,
  )
  for (const { room, at } of order) {
    const waitMs = at - (performance.now() - startedAt)
    if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs))
    await appliance.kill(room)
  }
}

async function fillsAllPartitions(appliance: Appliance, context: TestContext): Promise<void> {
  const cluster = await appliance.get<ClusterAnswer>('/cluster')
  const logs = cluster.topics.find(topic => topic.name === 'logs')
  const sizes = logs?.partitions.map(partition => Number(partition.highWatermark)) ?? []
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
  const ratio = Math.max(...sizes) / mean
  context.diagnostic(`figure logs: fullest of ${sizes.length} partitions ${ratio.toFixed(2)} times the mean`)
  assert.equal(sizes.length, 6)
  assert(ratio <= 1.5, `partitions ${sizes.join(', ')}`)
}
