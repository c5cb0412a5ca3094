// Two processes that count from an Apache Kafka cluster share the partitions by its classic group. One is killed: the
// other takes all of them, and gives a part back; at the end every count equals the generator's ledger. Needs a JDK and
// Maven.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { aggregatorsGroup } from '../../analytics/ingest/passed-hint.ts'
import { Connection } from '../../broker/client/connection.ts'
import { decodeAssignment } from '../../broker/client/consumer-protocol.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { demoInputs } from '../../cli/processes.ts'
import { eventually } from '../eventually.ts'
import { freePorts, startAppliance } from '../system/appliance.ts'
import { counted, equalsLedger, quiescent } from '../system/ledger-comparison.ts'
import { writeTraffic } from '../system/traffic.ts'

const script = new URL('../../scripts/real/kafka.sh', import.meta.url).pathname
const minuteMs = 60_000
const lines = 60_000

const kafka = (...args: string[]) =>
  execFileSync(script, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

interface Group {
  readonly state: string
  readonly protocol: string
  /** By instance id, each as `topic-partition`. */
  readonly members: ReadonlyMap<string, readonly string[]>
}

/** The group of aggregators as Kafka itself describes it. */
async function groupAt(port: number): Promise<Group> {
  const connection = await Connection.open({ host: '127.0.0.1', port, clientId: 'test' })
  try {
    const { groups } = await connection.request(apis.listGroups, {})
    const groupId = groups.map(group => group.groupId).find(id => id.startsWith(`${aggregatorsGroup}.`))
    if (groupId === undefined) return { state: 'none', protocol: '', members: new Map() }
    const described = await connection.request(apis.describeGroups, { groups: [groupId] })
    const [group] = described.groups
    const members = group!.members.map(({ groupInstanceId, memberId, memberAssignment }) => {
      const assigned = decodeAssignment(Buffer.from(memberAssignment))
      return [
        groupInstanceId ?? memberId,
        assigned.map(({ topic, partition }) => `${topic}-${partition}`),
      ] as const
    })
    return { state: group!.groupState, protocol: group!.protocolType, members: new Map(members) }
  } finally {
    connection.close()
  }
}

function isShared({ state, members }: Group): boolean {
  return state === 'Stable' && members.size === 2 && [...members.values()].every(own => own.length > 0)
}

test('two processes share the partitions of Kafka; one is killed, and every line is counted once', {
  timeout: 300_000,
}, async context => {
  const port = await freePorts(2)
  kafka('start', String(port))
  context.after(() => kafka('stop'))
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-group-'))
  const traffic = join(directory.path, 'traffic')
  await using appliance = await startAppliance(demoInputs(traffic), {
    data: join(directory.path, 'data'),
    bootstrap: `127.0.0.1:${port}`,
    ingestProcesses: 2,
  })
  const shared = await eventually('both have partitions', () => groupAt(port), isShared)
  assert.equal(shared.protocol, 'consumer')
  const all = [...shared.members.values()].flat()
  assert.equal(new Set(all).size, all.length, 'no partition is with both')
  assert.ok(all.length >= 18, `${all.length} partitions`)

  const writing = writeTraffic({
    ...{ directory: traffic, seed: 20_261_125, linesPerSecond: 2_000, lines, files: 2 },
    ledgerPath: join(directory.path, 'ledger.json'),
    startTime: Math.floor((Date.now() - 45 * minuteMs) / minuteMs) * minuteMs,
  })
  const linesNow = async () => {
    const { rows } = await appliance.get<{ rows: { values: { value: number } }[] }>('/stats/lines?window=1d')
    return rows[0]?.values.value ?? 0
  }
  await eventually('a fifth is counted', linesNow, count => count >= lines / 5, 60_000)
  await appliance.kill('ingest-2')
  const again = await eventually('both have partitions again', () => groupAt(port), isShared, 90_000)
  assert.equal([...again.members.values()].flat().length, all.length)
  const ledger = await writing
  assert.equal(ledger.lines, lines)
  await eventually(
    'every line is counted',
    () => counted(appliance, ledger),
    count => count >= lines,
    120_000,
  )
  await quiescent(appliance)
  assert.equal(await counted(appliance, ledger), lines, 'every line once')
  await equalsLedger(appliance, ledger, context)
  const { entries } = await appliance.get<{ entries: unknown[] }>('/losses')
  assert.deepEqual(entries, [], 'nothing was lost')
  const shares = [...shared.members].map(([name, own]) => `${name} ${own.length}`).join(', ')
  context.diagnostic(`${all.length} partitions: ${shares}`)
})
