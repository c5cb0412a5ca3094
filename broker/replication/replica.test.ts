// Stories of one replica: what it promises, and when.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  epochError,
  knowsHighWatermark,
  newReplica,
  produceError,
  type Replica,
  type ReplicaEffect,
  type ReplicaEvent,
  step,
} from './replica.ts'

/** "lead 1 isr 1,2 min 2 at 5", "append 7", "flush 7", "fetch 2 7", "stop". */
function parse(words: string): ReplicaEvent {
  const [verb, first = '', ...rest] = words.split(' ')
  const option = (name: string) => rest[rest.indexOf(name) + 1] ?? ''
  const number = Number(first)
  switch (verb) {
    case 'lead': {
      const end = rest.includes('at') ? Number(option('at')) : 0
      return {
        type: 'lead',
        leaderEpoch: number,
        partitionEpoch: 0,
        isr: option('isr').split(',').map(Number),
        minIsr: rest.includes('min') ? Number(option('min')) : 1,
        countsFlushedBytes: !rest.includes('lazy'),
        logEndOffset: end,
        durableEnd: end,
      }
    }
    case 'append':
      return { type: 'appended', logEndOffset: number }
    case 'flush':
      return { type: 'flushed', durableEnd: number }
    case 'fetch':
      return { type: 'fetched', brokerId: number, durableEnd: Number(rest[0]) }
    default:
      return { type: 'stop', error: 'notLeaderOrFollower' }
  }
}

function story(replica: Replica, ...events: string[]): string {
  const lines = events.map(words => {
    const effects: ReplicaEffect[] = []
    step(replica, parse(words), effects)
    const told = effects.map(effect => `${effect.type} ${'offset' in effect ? effect.offset : effect.error}`)
    const ends = `${replica.durableEnd}/${replica.logEndOffset} hw ${replica.highWatermark}`
    return `${words.padEnd(25)}${ends}  ${told.join(', ')}`.trimEnd()
  })
  return `\n${lines.join('\n')}\n`
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
  assert.throws(() => step(replica, parse('lead 8 isr 1 at 10'), []), /epoch 8 is known/)
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
      'lead 2 isr 1 min 2 at 4',
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
lead 2 isr 1 min 2 at 4  4/4 hw 4
append 6                 4/6 hw 4
flush 6                  6/6 hw 4  durable 6
`,
  )
  assert.equal(produceError(replica, -1), 'notEnoughReplicas')
  assert.equal(produceError(replica, 1), 'none')
})

test('while a proposed set is in flight both sets count', () => {
  const replica = newReplica(1, 0)
  story(replica, 'lead 1 isr 1', 'append 4')
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
  assert.equal(knowsHighWatermark(replica), false)
})
