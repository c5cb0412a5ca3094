// The low watermark as a table of what replicas say: who counts, and who waits for what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LowWatermark } from './low-watermark.ts'
import { newReplica } from './replica.ts'

function leader(brokerEpochs: readonly (readonly [number, number])[]) {
  const replica = newReplica(1, 0)
  Object.assign(replica, { role: 'leader', replicas: [1, 2, 3], brokerEpochs: new Map(brokerEpochs) })
  const log = { logStartOffset: 10 }
  const told: string[] = []
  const waiter = (name: string) => ({ settled: (error: string) => told.push(`${name} ${error}`) })
  return { replica, log, told, waiter, low: new LowWatermark(replica, log) }
}

test('the low watermark is the lowest start of the live replicas, as they say it in their present life', () => {
  const { replica, low } = leader([
    [1, 7],
    [2, 7],
    [3, 7],
  ])
  assert.equal(low.offset, -1, 'nobody has fetched')
  low.said(2, 7, 4)
  assert.equal(low.offset, -1, 'one has not')
  low.said(3, 7, 12)
  assert.equal(low.offset, 4)
  low.said(2, 7, 11)
  assert.equal(low.offset, 10, 'our own')
  replica.brokerEpochs = new Map([
    [1, 7],
    [2, 8],
    [3, 7],
  ])
  assert.equal(low.offset, -1, 'another life may have another disk')
  replica.brokerEpochs = new Map([
    [1, 7],
    [3, 7],
  ])
  assert.equal(low.offset, 10, 'the dead are not waited for')
  replica.replicas = [1, 2]
  assert.equal(low.offset, 10)
})

test('a deletion of less is not held up by one of more, and one that gave up is not told', () => {
  const { low, told, waiter } = leader([
    [1, 7],
    [2, 7],
  ])
  const gaveUp = waiter('gave up')
  low.said(2, 7, 0)
  low.park(8, waiter('eight'))
  low.park(5, gaveUp)
  low.park(5, waiter('five'))
  low.park(0, waiter('nothing'))
  assert.deepEqual(told, ['nothing none'])
  low.leave(gaveUp)
  low.said(2, 7, 6)
  assert.deepEqual(told, ['nothing none', 'five none'])
  low.end('notLeaderOrFollower')
  assert.deepEqual(told, ['nothing none', 'five none', 'eight notLeaderOrFollower'])
})
