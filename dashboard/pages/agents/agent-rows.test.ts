// The fleet as rows: who is silent, failing, outdated or awaited, and who has just said hello.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentStatus } from '../../../analytics/http/contract-agents.ts'
import { agentRows, newcomer, versionOf } from './agent-rows.ts'

const agent = (agentId: string, lastSeen: number, errors: string[] = []): AgentStatus => ({
  ...{ agentId, host: `host-${agentId}`, version: '1.0.0', lastSeen, errors },
  ...{ files: 3, linesPerSecond: 10, bytesBehind: 0, bytesPerSecond: 5 },
  ...{ behindMs: 0, linesLeftOut: 0, worstFile: null },
})
const enrolled = (agentId: string) => {
  return { user: `agent-${agentId}`, name: `web-${agentId}`, host: 'h', agentId, enrolledAt: 0 }
}
const joined = (...ids: string[]) => ({ agents: ids.map(enrolled), removed: [] })

test('standing, version and name of each', () => {
  const agents = [agent('a', 99_000), agent('b', 10_000), agent('c', 99_000, ['/x: EACCES'])]
  const rows = agentRows(agents, joined('a', 'd'), '1.1.0', 100_000)
  assert.deepEqual(
    rows.map(({ name, standing, outdated }) => [name, standing, outdated]),
    [
      ['web-a', 'live', true],
      ['host-b', 'silent', true],
      ['host-c', 'failing', true],
      ['web-d', 'awaited', false],
    ],
  )
  assert.equal(agentRows(agents, joined(), '1.0.0', 100_000)[0]?.outdated, false)
})

test('one that was removed says so for a day, and then is gone; one that is still heard of stays', () => {
  const agents = [agent('a', 10_000), agent('b', 99_000), agent('c', 10_000)]
  const removed = ['a', 'b'].map(agentId => ({ agentId, name: `web-${agentId}`, removedAt: 11_000 }))
  const at = (nowMs: number) =>
    agentRows(agents, { agents: [], removed }, '', nowMs).map(({ name, standing }) => [name, standing])
  assert.deepEqual(at(100_000), [
    ['web-a', 'removed'],
    ['host-b', 'live'],
    ['host-c', 'silent'],
  ])
  assert.deepEqual(at(90_000_000), [['host-c', 'silent']])
  const again = agentRows(agents, { agents: [enrolled('a')], removed }, '', 90_000_000)
  assert.deepEqual(
    again.map(({ standing }) => standing),
    ['silent', 'silent'],
  )
})

test('who joined is not yet who said hello', () => {
  const before = new Set(['a'])
  const rows = agentRows([agent('a', 0)], joined('b'), '', 0)
  assert.equal(newcomer(before, rows), null)
  assert.equal(newcomer(before, agentRows([agent('a', 0), agent('b', 0)], joined(), '', 0))?.id, 'b')
})

test('the version of a build', () => {
  assert.equal(versionOf('0.3.0-1a2b3c4d'), '0.3.0')
  assert.equal(versionOf('0.3.0-rc.1'), '0.3.0-rc.1')
})
