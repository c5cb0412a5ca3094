// An agent that was down for two hours beside a file that went on being written and rotated: when it comes back it
// reads what it missed, and every minute of those hours has exactly its own lines. Clause E1.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AgentConfig } from '../../agent/config.ts'
import type { LossesAnswer } from '../../analytics/http/contract.ts'
import { agentProcess, demoInputs } from '../../cli/processes.ts'
import { settingsSchema } from '../../cli/settings.ts'
import { Supervisor } from '../../cli/supervisor.ts'
import type { LedgerDocument } from '../../fixtures/ledger.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from './appliance.ts'
import { counted, equalsLedger, quiescent } from './ledger-comparison.ts'
import { writeTraffic } from './traffic.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const minuteMs = 60_000
const hours = 2
/** Of the world that is written about. */
const linesPerSecond = 10

test('an agent that was away for two hours beside a live file misses nothing and doubles nothing', async context => {
  await using traffic = await mkdtempDisposable(join(tmpdir(), 'tailrace-away-'))
  // Its own agent tails nothing; the one of this test comes and goes.
  await using appliance = await startAppliance([])
  const startMs = Math.floor((Date.now() - (hours + 1) * 60 * minuteMs) / minuteMs) * minuteMs
  const write = (part: string, startTime: number, lines: number) =>
    writeTraffic({
      directory: traffic.path,
      seed: 7,
      linesPerSecond: 'max',
      trafficPerSecond: linesPerSecond,
      lines,
      files: 1,
      startTime,
      rotate: { everyLines: 2_000, keep: 100, files: ['access-1.log'] },
      ledgerPath: join(traffic.path, `${part}.ledger.json`),
    })
  const before = await write('before', startMs - 30 * minuteMs, 300)
  const first = await startAgent(appliance, traffic.path)
  await eventually(
    'the lines before are counted',
    () => counted(appliance, before),
    count => count >= before.lines,
  )
  first.killAll()

  // The world of two hours, a piece of each quarter of an hour.
  const away: LedgerDocument[] = []
  for (let quarter = 0; quarter < hours * 4; quarter++)
    away.push(await write(`away-${quarter}`, startMs + quarter * 15 * minuteMs, 1_200))
  await using agents = new AsyncDisposableStack()
  const second = await startAgent(appliance, traffic.path)
  agents.defer(() => second.stop())
  for (const ledger of away)
    await eventually(
      'the lines of its absence are counted',
      () => counted(appliance, ledger),
      count => count >= ledger.lines,
    )
  await quiescent(appliance)
  for (const ledger of [before, ...away]) {
    assert.equal(await counted(appliance, ledger), ledger.lines)
    await equalsLedger(appliance, ledger, context)
  }
  const losses = await appliance.get<LossesAnswer>('/losses')
  assert.deepEqual(losses.entries, [])
})

/** As the appliance has it, with a directory of its own. */
async function startAgent(appliance: Appliance, directory: string): Promise<Supervisor> {
  const data = join(appliance.directory, 'data')
  const inputs = demoInputs(directory)
  const settings = { ...settingsSchema.parse({ data, hostMetrics: false }), inputs }
  const paths = { path: data, keySeedPath: join(data, 'key-seed') } as Parameters<typeof agentProcess>[1]
  const spec = agentProcess(settings, paths, [appliance.kafkaAddress])
  const config: AgentConfig = { ...(spec.config as AgentConfig), dataDirectory: join(data, 'agent-away') }
  mkdirSync(join(appliance.directory, 'away-log'), { recursive: true })
  const supervisor = new Supervisor(quiet, join(appliance.directory, 'away-log'))
  await supervisor.start({ ...spec, name: 'agent-away', config })
  return supervisor
}
