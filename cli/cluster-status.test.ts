// What `tailrace cluster status` makes of a view of the cluster.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdminPartition, AdminView } from './cluster-admin.ts'
import { bytesText, clusterReport, clusterText } from './cluster-status.ts'

const whole: AdminPartition = {
  topic: 'logs',
  index: 0,
  leader: 1,
  replicas: [1, 2, 3],
  isr: [1, 2, 3],
  adding: [],
  removing: [],
  minIsr: 2,
}
const brokers = [1, 2, 3].map(id => ({ id, host: '127.0.0.1', port: 9_091 + id }))

function reportOf(
  partitions: readonly AdminPartition[],
  changes: Partial<AdminView> = {},
  sizes = new Map(),
) {
  return clusterReport({ brokers, controller: 1, partitions, ...changes }, sizes)
}

test('a whole cluster is healthy, and its controller and shares are named', () => {
  const report = reportOf([whole, { ...whole, index: 1, leader: 2 }])
  assert.equal(report.healthy, true)
  assert.match(
    clusterText(report),
    /broker 1 {2}127\.0\.0\.1:9092 {2}leads 1, holds 2, 2 in sync, controller/,
  )
})

test('each thing that is amiss is listed, and none of them passes for health', () => {
  const offline = reportOf([{ ...whole, leader: -1 }])
  assert.deepEqual([offline.healthy, offline.offline], [false, ['logs-0']])
  const short = reportOf([{ ...whole, isr: [1] }])
  assert.deepEqual([short.underMinIsr, short.underReplicated], [['logs-0'], ['logs-0']])
  const lacking = reportOf([{ ...whole, isr: [1, 2] }])
  assert.deepEqual([lacking.healthy, lacking.underMinIsr, lacking.underReplicated], [false, [], ['logs-0']])
  const down = reportOf([{ ...whole, isr: [1, 2] }], { brokers: brokers.slice(0, 2) })
  assert.deepEqual(
    down.brokers.map(({ id, address }) => [id, address === null]),
    [
      [1, false],
      [2, false],
      [3, true],
    ],
  )
})

test('a replica that is only being added is not missed, and what it lacks is counted', () => {
  const moving = { ...whole, replicas: [1, 2, 3, 4], adding: [4], removing: [3] }
  const sizes = new Map([
    ['1 logs-0', 5_000],
    ['4 logs-0', 2_000],
  ])
  const report = reportOf([moving], {}, sizes)
  assert.deepEqual(report.underReplicated, [])
  assert.equal(report.healthy, false)
  assert.deepEqual(report.reassignments, [
    { partition: 'logs-0', adding: [4], removing: [3], bytesLeft: 3_000 },
  ])
  assert.match(clusterText(report), /moving logs-0 to 4 from 3: 2\.9 KiB left/)
})

test('bytesText() keeps to three figures and a unit', () => {
  assert.deepEqual([0, 1_023, 1_024, 5 * 2 ** 30].map(bytesText), [
    '0 bytes',
    '1023 bytes',
    '1.0 KiB',
    '5.0 GiB',
  ])
})
