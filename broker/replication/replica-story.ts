// The words in which tests tell what happens to a replica, and how they are answered: ends, watermark, effects.
import { type Replica, type ReplicaEffect, type ReplicaEvent, step } from './replica.ts'

/**
 * "12000 lead 1 isr 1,2 of 1,2,3 min 2 at 5": at 12 s, with durable log end 5. "append 7", "flush 7", "fetch 2 7",
 * "fetch 2 7 epoch 1 life 20", "applied 1,2 from 0 is 1", "tick", "stop". Broker n lives under broker epoch 10 n.
 */
export function parse(words: string): ReplicaEvent {
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
    case 'rule':
      return { type: 'flushRule', countsFlushedBytes }
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

export function story(replica: Replica, ...events: string[]): string {
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
export function lastOf(replica: Replica, ...events: string[]): string {
  return story(replica, ...events)
    .trimEnd()
    .split('\n')
    .at(-1)!
    .split('  ')
    .at(-1)!
}
