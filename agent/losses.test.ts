// Losses by the thousand: few entries and few lines of log, each with how many it stands for; nothing else waits for
// them, and a kill loses none.
import assert from 'node:assert/strict'
import { cpSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { statusText } from '../cli/agent-status.ts'
import { createLog } from '../runtime/log.ts'
import { access, agentScene } from './agent-scene.ts'
import { metricsText } from './description.ts'
import { LossTally } from './loss-tally.ts'
import { shippedRecords } from './shipped-records.ts'
import type { Loss } from './tracker.ts'

const tooLong = (count: number) => `${'x'.repeat(1_100)}\n`.repeat(count)

test('the ledger does not answer: lines arrive, and what a kill leaves behind says every loss', async () => {
  await using s = await agentScene()
  const paths = [s.at('*.log')]
  const input = { paths, format: 'raw', topic: 'logs', maxLineBytes: 1_024, onLongLine: 'drop' } as const
  Object.assign(s.config, { inputs: [input] })
  s.broker.fault = topic => (topic === '__tailrace_losses' ? { error: 'notEnoughReplicas' } : null)
  writeFileSync(s.at('a.log'), `${tooLong(40)}${access(0)}\n${tooLong(60)}`)
  const agent = await s.start()
  await s.until(() => s.lines('logs').length === 1)
  const isRead = () =>
    agent.describe().files.every(({ size, acknowledged }) => size > 0 && acknowledged === size)
  await s.until(isRead)
  const epoch = agent.describe().checkpointEpoch
  writeFileSync(s.at('b.log'), `${access(1)}\n`)
  await s.until(
    () => s.lines('logs').length === 2 && isRead() && agent.describe().checkpointEpoch > epoch + 1,
  )
  assert.equal(agent.describe().lossesOwed, 2)
  // What lies on the disk at this moment is what a kill would leave.
  cpSync(s.data(''), s.data('../killed'), { recursive: true })
  await agent.stop()
  assert.deepEqual(shippedRecords(s.broker, '__tailrace_losses'), [])

  s.broker.fault = () => null
  Object.assign(s.config, { dataDirectory: s.data('../killed') })
  const next = await s.start()
  const said = () => shippedRecords(s.broker, '__tailrace_losses').map(({ line }) => JSON.parse(line))
  await s.until(() => said().length === 2 && next.describe().lossesOwed === 0)
  assert.deepEqual(
    said().map(({ reason, lines }) => [reason, lines]),
    [
      ['line-dropped', 1],
      ['line-dropped', 99],
    ],
  )
  assert.equal(new Set(s.lines('logs')).size, 2)
})

test('lines too long without end: an entry a second, and a fresh line of another file is not kept', async () => {
  await using s = await agentScene()
  const paths = [s.at('*.log')]
  const input = { paths, format: 'raw', topic: 'logs', maxLineBytes: 1_024, onLongLine: 'drop' } as const
  Object.assign(s.config, { inputs: [input] })
  const agent = await s.start()
  let written = 0
  const flood = setInterval(() => {
    written += 50
    writeFileSync(s.at('flood.log'), tooLong(50), { flag: 'a' })
  }, 5)
  try {
    await s.until(() => agent.describe().losses.length > 0)
    for (let line = 0; line < 5; line++) {
      writeFileSync(s.at('b.log'), `${access(line)}\n`, { flag: 'a' })
      await s.until(() => s.lines('logs').length === line + 1)
    }
    await s.until(() => agent.describe().losses[0]!.losses >= 1_000)
  } finally {
    clearInterval(flood)
  }
  await s.until(() => agent.describe().losses[0]!.losses === written)
  const seconds = agent.describe().uptimeMs / 1_000
  const description = agent.describe()
  await agent.stop()
  const entries = shippedRecords(s.broker, '__tailrace_losses').map(({ line }) => JSON.parse(line))
  assert.equal(
    entries.reduce((sum, { lines }) => sum + lines, 0),
    written,
  )
  assert(entries.length <= seconds + 2, `${entries.length} entries in ${seconds} s`)
  assert.match(
    metricsText(description),
    new RegExp(`^tailrace_agent_losses_total\\{reason="line-dropped"\\} ${written}$`, 'm'),
  )
  assert.match(
    statusText(description),
    new RegExp(`^losses +${written} times line-dropped, the last: \\S+/flood.log: a line of 1100 bytes`, 'm'),
  )
})

test('the log says the first loss of a reason at once, and then how many there were', () => {
  const said: Record<string, unknown>[] = []
  const tally = new LossTally(createLog('test', line => said.push(JSON.parse(line))))
  const lose = (reason: Loss['reason'], from: number) =>
    tally.add({ source: 's', from, to: from + 1, reason, lines: 1, detail: `at ${from}` })
  for (let from = 0; from < 10_000; from++) lose('line-dropped', from)
  lose('line-cut', 7)
  assert.deepEqual(
    said.map(({ reason, from }) => [reason, from]),
    [
      ['line-dropped', 0],
      ['line-cut', 7],
    ],
  )
  tally.tell()
  assert.deepEqual([said.length, said[2]!['times'], said[2]!['from']], [3, 9_999, 9_999])
  tally.tell()
  lose('line-dropped', 3)
  assert.deepEqual([said.length, said[3]!['times'], said[3]!['from']], [4, undefined, 3])
  assert.deepEqual(tally.counts, [
    { reason: 'line-dropped', losses: 10_001, lines: 10_001, detail: 'at 3' },
    { reason: 'line-cut', losses: 1, lines: 1, detail: 'at 7' },
  ])
})
