// Stories of the in-sync set: who falls out, who may join, and what counts while nobody knows which set is real.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followerError, produceError } from './fencing.ts'
import { newReplica } from './replica.ts'
import { lastOf, story } from './replica-story.ts'

test('a member that falls behind is taken out when its lag time is over, and the watermark waits for the store', () => {
  assert.equal(
    story(
      newReplica(1, 0),
      '0 lead 1 isr 1,2,3 min 2',
      '100 append 5',
      '100 flush 5',
      '200 fetch 2 5',
      '10000 tick',
      '10100 tick',
      '10100 append 6',
      '10150 flush 6',
      '10200 fetch 2 6',
      '10250 applied 1,2 from 0 is 1',
    ),
    `
0 lead 1 isr 1,2,3 min 2 0/0 hw 0
100 append 5             0/5 hw 0
100 flush 5              5/5 hw 0  durable 5
200 fetch 2 5            5/5 hw 0
10000 tick               5/5 hw 0
10100 tick               5/5 hw 0  propose 1,2 from 0
10100 append 6           5/6 hw 0
10150 flush 6            6/6 hw 0  durable 6
10200 fetch 2 6          6/6 hw 0
10250 applied 1,2 from 0 is 16/6 hw 6  highWatermark 6
`,
  )
})

test('a follower that never quite reaches the end under steady load is not behind', () => {
  const replica = newReplica(1, 0)
  story(replica, '0 lead 1 isr 1,2 min 2')
  for (let second = 1; second <= 30; second++) {
    // Each fetch has what was there at the one before.
    const events = [`${second}000 append ${second * 10}`, `${second}000 fetch 2 ${(second - 1) * 10}`]
    assert.doesNotMatch(story(replica, ...events, `${second}500 tick`), /propose/)
  }
  assert.match(story(replica, '40000 tick'), /propose 1 from 0/)
})

test('an idle partition keeps its members however long nobody writes', () => {
  assert.doesNotMatch(
    story(newReplica(1, 0), '0 lead 1 isr 1,2 min 2', 'fetch 2 0', '999999 tick'),
    /propose/,
  )
})

test('a replica joins only with all that is committed, all that this epoch began with, and caught up', () => {
  const begin = ['lead 1 isr 1,2 of 1,2,3 min 2 at 5', 'fetch 2 5']
  const cases: [last: string[], wanted: string][] = [
    [['fetch 3 5'], 'propose 1,2,3 from 0 3 lives 30'],
    [['fetch 3 4'], 'hw 5'],
    [['append 9', 'fetch 3 5'], 'hw 5'],
    // Another life of broker 3 than the registered one, or none registered.
    [['fetch 3 5 life 29'], 'hw 5'],
    [['fetch 3 5 life 31'], 'hw 5'],
    [['updated 1 isr 1,2 of 1,2,3 alive 1,2 min 2', 'fetch 3 5'], 'hw 5'],
    // No replica, or a fetch under another leader epoch.
    [['fetch 4 5'], 'hw 5'],
    [['fetch 3 5 epoch 0'], 'hw 5'],
    // More than the leader has.
    [['fetch 3 6'], 'hw 5'],
  ]
  for (const [last, wanted] of cases) {
    assert.match(lastOf(newReplica(1, 0), ...begin, ...last), new RegExp(`${wanted}$`), last.join(', '))
  }
})

test('below the epoch start nobody joins, though the watermark inherited from the leader before is lower', () => {
  const replica = newReplica(1, 2)
  const lines = ['lead 1 isr 1,2 of 1,2,3 min 2 at 8', 'fetch 3 3', 'fetch 3 7']
  assert.doesNotMatch(story(replica, ...lines), /propose/)
  assert.match(lastOf(replica, 'fetch 3 8'), /propose 1,2,3/)
})

test('who is about to join is waited for, or it would never catch up with the watermark', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1 of 1,2 at 5', 'fetch 2 5')
  assert.equal(replica.proposedIsr?.join(), '1,2')
  assert.equal(lastOf(replica, 'refused 1 from 0 is 0', 'append 7', 'flush 7'), 'durable 7')
  assert.equal(lastOf(replica, 'fetch 2 7'), 'highWatermark 7')
})

test('one change at a time; unknown keeps both sets until the store is read again', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1,2 of 1,2,3,4 min 2', 'fetch 2 0')
  assert.match(lastOf(replica, 'fetch 3 0'), /propose 1,2,3 from 0/)
  assert.doesNotMatch(lastOf(replica, 'fetch 4 0'), /propose/)
  // Nothing is heard. Broker 3 is waited for although it may not be a member.
  story(replica, 'append 4', 'flush 4', 'fetch 2 4', 'fetch 4 4', '99000 tick')
  assert.deepEqual([replica.highWatermark, replica.proposedIsr], [0, [1, 2, 3]])
  // The same state read again does not settle it: the write may still arrive. A newer state does.
  story(replica, 'updated 0 isr 1,2 of 1,2,3,4 min 2')
  assert.deepEqual(replica.proposedIsr, [1, 2, 3])
  assert.match(
    lastOf(replica, 'updated 1 isr 1,2,3 of 1,2,3,4 min 2', 'fetch 2 4', 'fetch 3 4'),
    /highWatermark 4/,
  )
})

test('a late answer to a settled proposal does not settle the next one', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1,2 of 1,2,3 min 2', 'fetch 3 0')
  assert.match(lastOf(replica, 'updated 1 isr 1,2 of 1,2,3 min 2', 'fetch 3 0'), /propose 1,2,3 from 1/)
  for (const late of [
    'refused 1,2 from 0 is 1',
    'applied 1,2,3 from 0 is 1',
    'refused 1,2 from 1 is 1 epoch 0',
  ]) {
    story(replica, late)
    assert.deepEqual(
      [replica.isr, replica.proposedIsr],
      [
        [1, 2],
        [1, 2, 3],
      ],
      late,
    )
  }
  story(replica, 'refused 1,2 from 1 is 1')
  assert.equal(replica.proposedIsr, null)
  assert.doesNotMatch(lastOf(replica, '100 fetch 3 0'), /propose/, 'not again at once')
  assert.match(lastOf(replica, '200 fetch 3 0'), /propose/)
})

test('under the minimum whoever waits for replicas is told, and the watermark stands still', () => {
  const replica = newReplica(1, 0)
  story(replica, '0 lead 1 isr 1,2 min 2', '0 append 4', '0 flush 4')
  assert.match(lastOf(replica, '20000 tick'), /propose 1 from 0/)
  assert.equal(lastOf(replica, '20000 applied 1 from 0 is 1'), 'underMinIsr')
  assert.equal(replica.highWatermark, 0)
  assert.equal(produceError(replica, -1, true), 'notEnoughReplicas')
})

test('a replica set without a broker forgets what it fetched', () => {
  const replica = newReplica(1, 0)
  story(
    replica,
    'lead 1 isr 1,2 of 1,2,3 at 5',
    'fetch 3 5',
    'updated 1 isr 1,2 of 1,2',
    'updated 2 isr 1,2 of 1,2,3',
  )
  assert.equal(replica.followers.get(3)?.hasFetched, false)
})

test('a member that comes back with less than is committed is taken out at once', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1,2,3 min 2', 'append 4', 'flush 4', 'fetch 2 4', 'fetch 3 4')
  assert.equal(replica.highWatermark, 4)
  assert.match(lastOf(replica, 'fetch 3 0 life 31'), /propose 1,2 from 0/)
})

test('an older life of a follower is refused once a newer one has fetched', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1,2 min 2', 'fetch 2 0 life 21')
  assert.deepEqual(
    [20, 21, 22].map(life => followerError(replica, 2, life)),
    ['notLeaderOrFollower', 'none', 'none'],
  )
  assert.equal(followerError(replica, 3, 30), 'notLeaderOrFollower')
  assert.equal(followerError(replica, 1, 10), 'notLeaderOrFollower')
})
