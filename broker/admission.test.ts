// Limits of connections as arithmetic; over real sockets they are in tests/clients/limits.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from './admission.ts'
import { descriptorLimit, descriptorsReserved, refuseFewDescriptors } from './descriptors.ts'

const limits = {
  connectionsMax: 6,
  connectionsPerAddressMax: 2,
  connectionsPerLoopbackMax: 4,
  admissionsPerSecond: 10,
}

test('so many from one address, more from this machine, and so many in all', () => {
  const admission = new Admission(limits, 0)
  assert.deepEqual(
    [1, 2].map(() => admission.enter('10.0.0.1')),
    [null, null],
  )
  assert.match(admission.enter('10.0.0.1')!, /2 from this address/)
  assert.deepEqual(
    [1, 2, 3, 4].map(() => admission.enter('127.0.0.1')),
    [null, null, null, null],
  )
  assert.match(admission.enter('10.0.0.2')!, /6 are open already/)
  admission.left('10.0.0.1')
  assert.match(admission.enter('127.0.0.1')!, /4 from this address/)
  assert.equal(admission.enter('10.0.0.1'), null)
  assert.equal(admission.openCount, 6)
})

test('the descriptors that logs need are not for clients; one that leaves makes room', () => {
  const admission = new Admission(limits, 0)
  admission.descriptorsLeft = 1
  assert.equal(admission.enter('::1'), null)
  assert.match(admission.enter('::1')!, /needed for the logs/)
  admission.left('::1')
  assert.equal(admission.enter('::1'), null)
})

test('a storm is served at the rate, after one second of it at once; a clock that stands still gives nothing', () => {
  const admission = new Admission(limits, 1_000)
  const served = (nowMs: number) => {
    let count = 0
    while (admission.mayServe(nowMs)) count++
    return count
  }
  assert.deepEqual([1_000, 1_000, 1_500, 1_400, 60_000].map(served), [10, 0, 5, 0, 10])
})

test('what the system allows is read, and too little is refused with what to do', () => {
  assert.equal(
    descriptorLimit('Max open files            1024                 4096                 files\n'),
    1_024,
  )
  assert.equal(descriptorLimit(''), Number.POSITIVE_INFINITY)
  assert.deepEqual([96, 1_024, 1_000_000].map(descriptorsReserved), [16, 128, 512])
  assert.throws(() => refuseFewDescriptors(64), /64 open files at most.*ulimit -n/)
  refuseFewDescriptors(96)
})
