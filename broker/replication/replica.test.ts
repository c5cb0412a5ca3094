// Stories of one replica: what it promises, and when.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  epochError,
  followerError,
  knowsHighWatermark,
  newReplica,
  produceError,
  type Replica,
  type ReplicaEffect,
  type ReplicaEvent,
  step,
} from './replica.ts'

/**
 * "12000 lead 1 isr 1,2 of 1,2,3 min 2 at 5": at 12 s, with durable log end 5. "append 7", "flush 7", "fetch 2 7",
 * "fetch 2 7 epoch 1 life 20", "applied 1,2 from 0 is 1", "tick", "stop". Broker n lives under broker epoch 10 n.
 */
function parse(words: string): ReplicaEvent {
  const [verb, first = '', ...rest] = words.split(' ')
  const option = (name: string, otherwise: string) =>
    rest.includes(name) ? rest[rest.indexOf(name) + 1]! : otherwise
  const number = Number(first)
  const stored = () => {
    const isr = listOf(option('isr', '1'))
    const replicas = listOf(option('of', option('isr', '1')))
    const alive = listOf(option('alive', option('of', option('isr', '1'))))
    const brokerEpochs = new Map(alive.map(id => [id, id * 10]))
    return {
      partitionEpoch: Number(option('change', '0')),
      replicas,
      isr,
      minIsr: Number(option('min', '1')),
      brokerEpochs,
    }
  }
  const ends = () => {
    const [durable, end] = option('at', '0').split('/').map(Number)
    return { durableEnd: durable!, logEndOffset: end ?? durable! }
  }
  const countsFlushedBytes = !rest.includes('lazy')
  switch (verb) {
    case 'lead':
      return { type: 'lead', leaderEpoch: number, ...stored(), countsFlushedBytes, ...ends() }
    case 'follow': {
      const leader = Number(option('leader', '2'))
      return { type: 'follow', leaderEpoch: number, leader, ...stored(), countsFlushedBytes, ...ends() }
    }
    case 'updated':
      return { type: 'updated', ...stored(), partitionEpoch: number }
    case 'append':
      return { type: 'appended', logEndOffset: number }
    case 'flush':
      return { type: 'flushed', durableEnd: number }
    case 'fetch': {
      const brokerEpoch = Number(option('life', String(number * 10)))
      const leaderEpoch = Number(option('epoch', '1'))
      return { type: 'fetched', brokerId: number, brokerEpoch, leaderEpoch, fetchOffset: Number(rest[0]) }
    }
    case 'answer':
      return { type: 'answered', leaderEpoch: Number(option('epoch', '1')), leaderHighWatermark: number }
    case 'cut':
      return { type: 'truncated', durableEnd: number, logEndOffset: number }
    case 'applied':
    case 'refused': {
      const type = verb === 'applied' ? 'isrApplied' : 'isrRefused'
      const proposedFrom = Number(option('from', '0'))
      const leaderEpoch = Number(option('epoch', '1'))
      return {
        type,
        leaderEpoch,
        proposedFrom,
        partitionEpoch: Number(option('is', '1')),
        isr: listOf(first),
      }
    }
    case 'tick':
      return { type: 'tick' }
    default:
      return { type: 'stop', error: 'notLeaderOrFollower' }
  }
}

const listOf = (words: string) => words.split(',').map(Number)

function told(effect: ReplicaEffect): string {
  switch (effect.type) {
    case 'proposeIsr': {
      const lives = [...effect.brokerEpochs].map(([id, epoch]) => ` ${id} lives ${epoch}`).join('')
      return `propose ${effect.isr} from ${effect.partitionEpoch}${lives}`
    }
    case 'stopped':
      return `stopped ${effect.error}`
    case 'underMinIsr':
      return 'underMinIsr'
    case 'lostCommitted':
      return `lost ${effect.fromOffset} to ${effect.toOffset}`
    default:
      return `${effect.type} ${effect.offset}`
  }
}

function story(replica: Replica, ...events: string[]): string {
  const lines = events.map(line => {
    const [time, ...rest] = line.split(' ')
    const isTimed = /^\d+$/.test(time!)
    const effects: ReplicaEffect[] = []
    step(replica, parse(isTimed ? rest.join(' ') : line), isTimed ? Number(time) : 0, effects)
    const ends = `${replica.durableEnd}/${replica.logEndOffset} hw ${replica.highWatermark}`
    return `${line.padEnd(25)}${ends}  ${effects.map(told).join(', ')}`.trimEnd()
  })
  return `\n${lines.join('\n')}\n`
}

/** What the last of the events had for effects. */
function lastOf(replica: Replica, ...events: string[]): string {
  return story(replica, ...events)
    .trimEnd()
    .split('\n')
    .at(-1)!
    .split('  ')
    .at(-1)!
}

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
  assert.equal(produceError(replica, -1), 'notEnoughReplicas')
  assert.equal(produceError(replica, 1), 'none')
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
  assert.equal(produceError(replica, -1), 'notEnoughReplicas')
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
