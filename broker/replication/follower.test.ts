// A broker that stops follows nobody any more, whatever it is still told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { ClusterSecret } from '../security/cluster-secret.ts'
import { FollowerFetches } from './follower.ts'
import type { Partition } from './partition.ts'
import type { FollowOrder } from './peers.ts'

test('follow() after close() begins nothing that would go on for ever', () => {
  const { login } = new ClusterSecret('secret', Buffer.from('salt of the test'))
  const log = createLog('follower', () => undefined)
  const facts = { brokerId: 2, brokerEpoch: () => 1, clock: systemClock, doubtLeader: () => undefined }
  const followers = new FollowerFetches({ ...facts, log, credentials: { login } })
  const order = { leader: 1, leaderHost: '127.0.0.1', leaderPort: 1, leaderEpoch: 1 } as FollowOrder
  const partition = { topicId: 'id', index: 0 } as Partition
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  followers.follow(partition, order)
  assert.equal(timers(), before + 1, 'while it is open it asks the leader')
  followers.close()
  followers.follow(partition, order)
  assert.equal(timers(), before)
})
