// What `tailrace status` makes of an answer: what is wrong in words, the verdict last, and the exit code.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerStatus, ClusterAnswer } from '../analytics/http/contract.ts'
import { judge, type StatusFacts, statusExitCode, statusText } from './status.ts'

const nowMs = Date.UTC(2026, 10, 24, 12, 0, 42)

function broker(id: number, change: Partial<BrokerStatus> = {}): BrokerStatus {
  return {
    ...{ id, host: '127.0.0.1', port: 9091 + id, up: true, since: nowMs - 60_000 },
    ...{
      leaders: 12,
      replicas: 36,
      inSync: 36,
      diskBytes: 5 * 2 ** 30,
      diskFreeBytes: 2 ** 29,
      memoryBytes: 1,
    },
    ...change,
  }
}

function facts(change: Partial<ClusterAnswer> = {}, agentSeen = nowMs - 3_000): StatusFacts {
  return {
    cluster: {
      ...{ clusterId: 'one', controllerId: 1, healthy: true, topics: [], troubled: [], elections: [] },
      brokers: [1, 2, 3].map(id => broker(id)),
      partitionCounts: { total: 36, underReplicated: 0, underMinIsr: 0, offline: 0 },
      ...change,
    },
    agents: {
      agents: [
        {
          ...{ agentId: 'a1', host: 'web-1', version: '0', lastSeen: agentSeen, files: 2, linesPerSecond: 5 },
          ...{
            bytesBehind: 0,
            errors: [],
            bytesPerSecond: null,
            behindMs: null,
            linesLeftOut: null,
            worstFile: null,
          },
        },
      ],
    },
    removed: [],
    losses: { totalLines: 0 },
    lines: {
      rows: [{ labels: {}, values: { value: 600 } }],
      freshness: { watermark: null, committedAt: null, lagRecords: 0, mayChange: false },
    },
  }
}

const told = (given: StatusFacts) => statusText(judge(given, nowMs), nowMs).trimEnd().split('\n')

test('status of a cluster that is whole ends with "healthy" and exit code 0', () => {
  const report = judge(facts(), nowMs)
  assert.deepEqual([report.healthy, report.problems, statusExitCode(report)], [true, [], 0])
  const lines = told(facts())
  assert.equal(lines[0], 'cluster   one, 3 of 3 brokers up')
  assert.equal(
    lines[1],
    'broker    1 127.0.0.1:9092 up, leads 12, 36 of 36 replicas in sync, holds 5.0 GiB, room for 512.0 MiB, controller',
  )
  assert.equal(lines.at(-1), 'healthy')
})

test('status with a broker down names it, counts what lacks a copy, ends with "degraded" and exit code 10', () => {
  const down = facts({
    healthy: false,
    brokers: [broker(1), broker(2, { up: false, since: nowMs - 30_000 }), broker(3)],
    partitionCounts: { total: 36, underReplicated: 36, underMinIsr: 1, offline: 0 },
    elections: [
      { at: nowMs - 27_000, topic: 'logs', partition: 4, from: 2, to: 3, epoch: 7, reason: 'leaderDown' },
      { at: nowMs - 27_000, topic: 'logs', partition: 1, from: 2, to: 1, epoch: 7, reason: 'leaderDown' },
      { at: nowMs - 27_000, topic: 'logs', partition: 5, from: 2, to: 3, epoch: 7, reason: 'leaderDown' },
    ],
  })
  const report = judge(down, nowMs)
  assert.deepEqual([report.brokersUp, report.brokersDown, report.underReplicated], [2, 1, 36])
  assert.equal(statusExitCode(report), 10)
  const lines = told(down)
  assert.equal(lines[2], 'broker    2 127.0.0.1:9093 DOWN for 30 s')
  assert.equal(lines[4], 'copies    36 partitions, 36 under-replicated, 1 under min ISR, 0 offline')
  assert.equal(lines[5], 'elected   27 s ago, 2 partitions: broker 2 → 3 (went down)')
  assert.equal(lines[6], 'elected   27 s ago, logs-1: broker 2 → 1 (went down)')
  assert.deepEqual(lines.slice(-4), [
    'wrong     broker 2 is down since 2026-11-24T12:00:12Z',
    'wrong     1 partition with fewer replicas in sync than acks=all needs',
    'wrong     36 partitions under-replicated',
    'degraded',
  ])
})

test('a silent agent and a cluster nobody has reached are wrong too', () => {
  assert.deepEqual(judge(facts({}, nowMs - 20_000), nowMs).problems, [
    'agent a1 on web-1 has been silent for 20 s; if it is not to come back: tailrace agents remove a1',
  ])
  assert.deepEqual(judge(facts({ brokers: [] }), nowMs).problems, ['no broker has been reached yet'])
})

test('an agent that was removed may be silent, and counts while it is heard of', () => {
  const removed = [{ agentId: 'a1', name: 'web-1', removedAt: nowMs - 60_000 }]
  const silent = judge({ ...facts({}, nowMs - 20_000), removed }, nowMs)
  assert.deepEqual([silent.healthy, silent.agents], [true, []])
  assert.equal(judge({ ...facts(), removed }, nowMs).agents.length, 1)
})

test('a broker without room for more is wrong, and one that says nothing of its disk is not', () => {
  const brokers = [broker(1, { diskFreeBytes: 0 }), broker(2, { diskBytes: null, diskFreeBytes: null })]
  const given = facts({ brokers })
  assert.deepEqual(judge(given, nowMs).problems, [
    'broker 1 has no room for more: its disk is full, or its log at the cap',
  ])
  assert.equal(told(given)[2], 'broker    2 127.0.0.1:9093 up, leads 12, 36 of 36 replicas in sync')
})
