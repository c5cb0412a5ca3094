// Every line exactly once on three brokers, replication factor 3, while the busiest leader is killed with -9 five
// times, and agent and analytics once each. Afterwards every count equals the generator's own ledger. Clauses D1, E1.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ClusterAnswer, LossesAnswer } from '../../analytics/http/contract.ts'
import { demoInputs } from '../../cli/processes.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, type Room, startAppliance } from './appliance.ts'
import { counted, equalsLedger, quiescent } from './ledger-comparison.ts'
import { writeTraffic } from './traffic.ts'

const lines = Number(process.env['TAILRACE_LINES'] ?? 100_000)
const linesPerSecond = 4_000
const minuteMs = 60_000
const isWhole = ({ topics }: ClusterAnswer) =>
  topics.length > 0 &&
  topics.every(({ partitions }) => partitions.every(({ isr, leader }) => isr.length === 3 && leader > 0))

test('every line is counted exactly once while the busiest leader of three is killed five times', async context => {
  await using traffic = await mkdtempDisposable(join(tmpdir(), 'tailrace-exactness-'))
  const ledgerPath = join(traffic.path, 'ledger.json')
  const seed = Number(process.env['TAILRACE_SEED'] ?? Date.now() % 100_000)
  await using appliance = await startAppliance(demoInputs(traffic.path), { brokers: 3 })
  const writing = writeTraffic({
    directory: traffic.path,
    seed,
    linesPerSecond,
    lines,
    files: 4,
    // In the past, so that no event time lies ahead of the moment at which its line is read.
    startTime: Math.floor((Date.now() - 45 * minuteMs) / minuteMs) * minuteMs,
    rotate: { everyLines: 9_000, keep: 100, files: ['access-1.log', 'access-3.log'] },
    ledgerPath,
  })
  await killLeaders(appliance, seed, context)
  const ledger = await writing
  assert.equal(ledger.lines, lines)
  const isCounted = (count: number) => count >= lines
  await eventually('every line is counted', () => counted(appliance, ledger), isCounted)
  await quiescent(appliance)
  assert.equal(await counted(appliance, ledger), lines, 'every line once')
  await equalsLedger(appliance, ledger, context)
  const losses = await appliance.get<LossesAnswer>('/losses')
  assert.deepEqual(losses.entries, [], 'the loss ledger is empty')
})

async function killLeaders(appliance: Appliance, seed: number, context: TestContext): Promise<void> {
  const victims: string[] = []
  for (const other of ['agent', null, 'analytics', null, null] as const) {
    await new Promise(resolve => setTimeout(resolve, 1_500))
    if (other) await appliance.kill(other)
    const whole = () => appliance.get<ClusterAnswer>('/cluster')
    const cluster = await eventually('all replicas are in sync', whole, isWhole)
    const victim: Room = `broker-${busiestOf(cluster)}`
    victims.push(victim)
    await appliance.kill(victim)
  }
  context.diagnostic(`figure seed ${seed}: killed ${victims.join(', ')}`)
}

/** Who leads most of the records. */
function busiestOf({ topics }: ClusterAnswer): number {
  const led = new Map<number, number>()
  for (const { leader, highWatermark } of topics.flatMap(({ partitions }) => partitions)) {
    led.set(leader, (led.get(leader) ?? 0) + Number(highWatermark))
  }
  return [...led].sort((one, other) => other[1] - one[1])[0]![0]
}
