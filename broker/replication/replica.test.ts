// Stories of one replica: what it promises, and when.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochError, knowsHighWatermark, produceError } from './fencing.ts'
import { newReplica, step } from './replica.ts'
import { lastOf, parse, story } from './replica-story.ts'

test('alone, a replica promises exactly what its disk has confirmed', () => {
  assert.equal(
    story(
      newReplica(1, 0),
      'lead 1 isr 1',
      'append 3',
      'append 5',
      'flush 3',
      'flush 3',
      'append 6',
      'flush 6',
      'stop',
      'flush 7',
    ),
    `
lead 1 isr 1             0/0 hw 0
append 3                 0/3 hw 0
append 5                 0/5 hw 0
flush 3                  3/5 hw 3  durable 3, highWatermark 3
flush 3                  3/5 hw 3
append 6                 3/6 hw 3
flush 6                  6/6 hw 6  durable 6, highWatermark 6
stop                     6/6 hw 6  stopped notLeaderOrFollower
flush 7                  7/6 hw 6
`,
  )
})

test('a restart leads from its recovered end, in a higher epoch only', () => {
  const replica = newReplica(1, 4)
  assert.equal(
    story(replica, 'lead 7 isr 1 at 9', 'append 10', 'stop', 'lead 8 isr 1 at 10'),
    `
lead 7 isr 1 at 9        9/9 hw 9  highWatermark 9
append 10                9/10 hw 9
stop                     9/10 hw 9  stopped notLeaderOrFollower
lead 8 isr 1 at 10       10/10 hw 10  highWatermark 10
`,
  )
  assert.throws(() => step(replica, parse('lead 8 isr 1 at 10'), 0, []), /epoch 8 is known/)
})

test('the high watermark is the slowest in-sync disk, and stands still below the minimum', () => {
  const replica = newReplica(1, 0)
  assert.equal(
    story(
      replica,
      'lead 1 isr 1,2 min 2',
      'append 4',
      'fetch 2 3',
      'flush 4',
      'fetch 2 4',
      'stop',
      'lead 2 isr 1 of 1,2 min 2 at 4',
      'append 6',
      'flush 6',
    ),
    `
lead 1 isr 1,2 min 2     0/0 hw 0
append 4                 0/4 hw 0
fetch 2 3                0/4 hw 0
flush 4                  4/4 hw 3  durable 4, highWatermark 3
fetch 2 4                4/4 hw 4  highWatermark 4
stop                     4/4 hw 4  stopped notLeaderOrFollower
lead 2 isr 1 of 1,2 min 2 at 44/4 hw 4
append 6                 4/6 hw 4
flush 6                  6/6 hw 4  durable 6
`,
  )
  assert.equal(produceError(replica, -1, true), 'notEnoughReplicas')
  assert.equal(produceError(replica, 1, true), 'none')
})

test('while a proposed set is in flight both sets count', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1 of 1,2', 'append 4')
  replica.proposedIsr = [1, 2]
  assert.equal(
    story(replica, 'flush 4', 'fetch 2 2'),
    `
flush 4                  4/4 hw 0  durable 4
fetch 2 2                4/4 hw 2  highWatermark 2
`,
  )
})

test("a topic with Kafka's own promise counts written bytes", () => {
  assert.equal(
    story(newReplica(1, 0), 'lead 1 isr 1 lazy', 'append 4'),
    `
lead 1 isr 1 lazy        0/0 hw 0
append 4                 4/4 hw 4  durable 4, highWatermark 4
`,
  )
})

test('a topic that changes its promise keeps what it has promised, and holds what follows to the new one', () => {
  assert.equal(
    story(
      newReplica(1, 0),
      'lead 1 isr 1',
      'append 4',
      'rule 0 lazy',
      'append 6',
      'rule 0',
      'append 9',
      'flush 9',
    ),
    `
lead 1 isr 1             0/0 hw 0
append 4                 0/4 hw 0
rule 0 lazy              4/4 hw 4  durable 4, highWatermark 4
append 6                 6/6 hw 6  durable 6, highWatermark 6
rule 0                   6/6 hw 6
append 9                 6/9 hw 6
flush 9                  9/9 hw 9  durable 9, highWatermark 9
`,
  )
})

test('epochs fence both ways', () => {
  const replica = newReplica(1, 2)
  assert.equal(epochError(replica, -1), 'notLeaderOrFollower')
  story(replica, 'lead 5 isr 1,2 min 2 at 3')
  assert.deepEqual(
    [-1, 4, 5, 6].map(epoch => epochError(replica, epoch)),
    ['none', 'fencedLeaderEpoch', 'none', 'unknownLeaderEpoch'],
  )
  story(replica, 'follow 6 leader 2 isr 2 at 3')
  assert.deepEqual(
    [-1, 5, 6, 7].map(epoch => epochError(replica, epoch)),
    ['notLeaderOrFollower', 'fencedLeaderEpoch', 'notLeaderOrFollower', 'unknownLeaderEpoch'],
  )
})

test('the watermark is unknown until this epoch has been fetched up to its start', () => {
  const replica = newReplica(1, 2)
  story(replica, 'lead 5 isr 1,2 min 2 at 3')
  assert.equal(knowsHighWatermark(replica), false)
  story(replica, 'fetch 2 3 epoch 5')
  assert.equal(knowsHighWatermark(replica), true)
})

test('a zombie promises nothing: no fetch reaches it in its own epoch', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1,2 min 2', 'fetch 2 0', 'append 4', 'flush 4')
  // The others have moved on to epoch 2; what still arrives under other epochs is no vote.
  story(replica, 'fetch 2 4 epoch 2', 'fetch 2 4 epoch 0')
  assert.equal(replica.highWatermark, 0)
})

test('votes of an earlier epoch are forgotten', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1,2 min 2', 'append 4', 'flush 4', 'fetch 2 3')
  story(replica, 'stop', 'lead 2 isr 1,2 min 2 at 4')
  assert.equal(replica.highWatermark, 3)
  story(replica, 'append 5', 'flush 5')
  assert.equal(replica.highWatermark, 3)
  assert.equal(lastOf(replica, 'fetch 2 5 epoch 2'), 'highWatermark 5')
})

test('a follower knows as committed what the leader says, as far as it has it, and only from its own epoch', () => {
  assert.equal(
    story(
      newReplica(1, 2),
      'follow 1 leader 2 isr 2,1 at 3',
      'append 5',
      'answer 9',
      'append 8',
      'answer 7',
      'answer 6',
      'answer 8 epoch 0',
      'follow 1 leader 2 isr 2,1 at 8',
      'cut 7',
      'cut 5',
    ),
    `
follow 1 leader 2 isr 2,1 at 33/3 hw 2
append 5                 3/5 hw 2
answer 9                 3/5 hw 5  highWatermark 5
append 8                 3/8 hw 5
answer 7                 3/8 hw 7  highWatermark 7
answer 6                 3/8 hw 7
answer 8 epoch 0         3/8 hw 7
follow 1 leader 2 isr 2,1 at 88/8 hw 7
cut 7                    7/7 hw 7
cut 5                    5/5 hw 5  lost 5 to 7
`,
  )
})

test('a leader that must follow tells who waits; an older order is refused', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 3 isr 1,2', 'append 4')
  assert.equal(lastOf(replica, 'follow 4 leader 2 isr 2 at 0/4'), 'stopped notLeaderOrFollower')
  assert.throws(() => step(replica, parse('follow 3 leader 2 isr 2'), 0, []), /epoch 4 is known/)
  assert.throws(() => step(replica, parse('lead 4 isr 1'), 0, []), /epoch 4 is known/)
  story(replica, 'lead 5 isr 1,2 at 4')
  assert.throws(() => step(replica, parse('cut 2'), 0, []), /never cuts its own log/)
})
