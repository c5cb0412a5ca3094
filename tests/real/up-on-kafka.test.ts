// The whole appliance without brokers of its own, on Apache Kafka: what docs/outgrow.md tells, step by step. Counted on
// our broker first, then moved to Kafka with the same data directory, with agent and analytics killed on the way; at
// the end every count equals the generator's ledger. Needs a JDK and Maven.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ClusterAnswer, LossesAnswer, StatsAnswer } from '../../analytics/http/contract.ts'
import { ensureTopics } from '../../cli/foreign-topics.ts'
import { demoInputs } from '../../cli/processes.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, freePorts, startAppliance } from '../system/appliance.ts'
import { counted, equalsLedger, quiescent } from '../system/ledger-comparison.ts'
import { writeTraffic } from '../system/traffic.ts'

const script = new URL('../../scripts/real/kafka.sh', import.meta.url).pathname
const minuteMs = 60_000
const before = 20_000
const lines = 60_000

const kafka = (...args: string[]) =>
  execFileSync(script, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

async function linesCounted(appliance: Appliance): Promise<number> {
  const { rows } = await appliance.get<StatsAnswer>('/stats/lines?window=1d')
  return rows.reduce((sum, row) => sum + (row.values['value'] ?? 0), 0)
}

function isAllCounted({ brokers, topics }: ClusterAnswer): boolean {
  const partitions = topics.flatMap(topic => topic.partitions).filter(({ folded }) => folded !== null)
  const isCounted = partitions.every(({ folded, highWatermark }) => folded === highWatermark)
  return brokers.some(({ up }) => up) && partitions.length > 0 && isCounted
}

test('counts equal the ledger after a move to Kafka, agent and analytics killed with -9', async context => {
  const port = await freePorts(2)
  kafka('start', String(port))
  context.after(() => kafka('stop'))
  const bootstrap = `127.0.0.1:${port}`
  assert.deepEqual(await ensureTopics([bootstrap]), [
    ...['behavior', 'metrics', 'logs'],
    ...['__tailrace_losses', '__tailrace_agents'],
  ])
  assert.deepEqual(await ensureTopics([bootstrap]), [], 'the second time there is nothing to make')

  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-outgrow-'))
  const traffic = join(directory.path, 'traffic')
  const ledgerPath = join(directory.path, 'ledger.json')
  const data = join(directory.path, 'data')
  const writing = writeTraffic({
    ...{ directory: traffic, seed: 20_261_124, linesPerSecond: 2_000, lines, files: 2, ledgerPath },
    // In the past, so that no event time lies ahead of the moment at which its line is read.
    startTime: Math.floor((Date.now() - 45 * minuteMs) / minuteMs) * minuteMs,
    rotate: { everyLines: 9_000, keep: 100, files: ['access-1.log'] },
  })
  let oldEnds: string[] = []
  {
    await using ours = await startAppliance(demoInputs(traffic), { data })
    const isAThird = (count: number) => count >= before
    await eventually('a third is counted on our own broker', () => linesCounted(ours), isAThird)
  }
  {
    // Step 2 of the page: without an agent, until everything in the log is counted.
    await using draining = await startAppliance([], { data }, { agent: false })
    const cluster = () => draining.get<ClusterAnswer>('/cluster')
    const { topics } = await eventually('nothing is left to count', cluster, isAllCounted)
    oldEnds = topics.flatMap(({ name, partitions }) =>
      partitions
        .filter(({ folded }) => folded !== null)
        .map(({ partition, highWatermark }) => `${name}-${partition} ${highWatermark}`),
    )
  }
  await using moved = await startAppliance(demoInputs(traffic), { data, bootstrap })
  await moved.kill('agent')
  await moved.kill('analytics')
  const ledger = await writing
  assert.equal(ledger.lines, lines)
  await eventually(
    'every line is counted',
    () => counted(moved, ledger),
    count => count >= lines,
    90_000,
  )
  await quiescent(moved)
  assert.equal(await counted(moved, ledger), lines, 'every line once')
  await equalsLedger(moved, ledger, context)
  const { entries } = await moved.get<LossesAnswer>('/losses')
  // What each log held that was moved away from, all of it counted.
  const told = entries.map(({ reason, source, from }) => `${reason} ${source} ${from}`)
  assert.deepEqual(told.sort(), oldEnds.map(end => `topic-recreated ${end}`).sort(), 'nothing else was lost')

  const cluster = await moved.get<ClusterAnswer>('/cluster')
  assert.equal(cluster.healthy, true)
  assert.equal(cluster.brokers.length, 1)
  const logs = cluster.topics.find(({ name }) => name === 'logs')
  assert.equal(logs?.partitions.length, 6)
  assert.ok(logs?.partitions.every(({ folded, highWatermark }) => folded === highWatermark))
})
