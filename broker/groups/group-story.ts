// Stories for tests: what happens to a group, told in words, and what it says in return. Time is an event.
import { defaultGroupSettings, type Group, type GroupEffect, type GroupEvent, newGroup } from './group.ts'
import { step } from './group-step.ts'

const assigned = [
  { memberId: 'a', assignment: Buffer.from('for a') },
  { memberId: 'b', assignment: Buffer.from('for b') },
]

/** Plays the words on an empty group; a line each: the words, state and generation, effects. */
export function story(...events: string[]): string {
  const group = newGroup('g', 0)
  let nowMs = 0
  let ticket = 0
  const lines = events.map(words => {
    const effects: GroupEffect[] = []
    if (words.startsWith('after ')) nowMs += Number(words.slice(6))
    ticket++
    step(group, parse(words, group, ticket), defaultGroupSettings, nowMs, effects)
    return [
      words.padEnd(18),
      `${group.state} ${group.generation}`.padEnd(23),
      effects.map(describe).join(', '),
    ]
      .join('')
      .trimEnd()
  })
  return `\n${lines.join('\n')}\n`
}

/**
 * "join a", "join a:x" (static, of instance x), "join a roundrobin,range", "join a:x reads topic", "join ? needs id",
 * "sync a", "heartbeat a", "leave a", "gone 3", "after 50".
 */
export function parse(words: string, group: Group, ticket: number): GroupEvent {
  const [verb, named = '', ...rest] = words.split(' ')
  const [who = '', instance] = named.split(':')
  const instanceId = instance ?? null
  const generation = rest[0]?.startsWith('g') ? Number(rest[0].slice(1)) : group.generation
  switch (verb) {
    case 'join': {
      const known = group.members.has(who) || group.pendingIds.has(who) || rest[0] === 'as'
      const protocols =
        rest[0] && !['needs', 'as', 'new', 'reads'].includes(rest[0]) ? rest[0].split(',') : ['range']
      return {
        type: 'join',
        ticket,
        memberId: known ? who : '',
        instanceId,
        newMemberId: who,
        requireKnownId: rest[0] === 'needs',
        maySkipAssignment: rest[0] === 'new',
        clientId: 'client',
        clientHost: '/127.0.0.1',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 60_000,
        protocolType: 'consumer',
        protocols: protocols.map(name => ({ name, metadata: metadataOf(name, who, instance, rest) })),
      }
    }
    case 'sync':
      return {
        type: 'sync',
        ticket,
        memberId: who,
        instanceId,
        generation,
        protocolType: 'consumer',
        protocol: group.protocol,
        assignments: who === group.leader ? assigned : [],
      }
    case 'heartbeat':
    case 'commit':
      return { type: verb, ticket, memberId: who === 'nobody' ? '' : who, instanceId, generation }
    case 'leave':
      return { type: 'leave', ticket, memberId: who === 'nobody' ? '' : who, instanceId }
    case 'persisted':
      return { type: 'persisted', generation, error: who === 'failed' ? 'kafkaStorageError' : 'none' }
    case 'gone':
      return { type: 'disconnected', ticket: Number(who) }
    default:
      return { type: 'tick' }
  }
}

/** Static members say which topics they read, as consumers do; "reads other" says that it is other ones. */
function metadataOf(
  name: string,
  who: string,
  instance: string | undefined,
  rest: readonly string[],
): Buffer {
  if (instance === undefined) return Buffer.from(`${name} of ${who}`)
  const topic = rest[0] === 'reads' ? rest[1]! : 'logs'
  // Version 1, one topic, and something of its own behind it, as cooperative assignors have.
  return Buffer.from([0, 1, 0, 0, 0, 1, 0, topic.length, ...Buffer.from(topic), ...Buffer.from(who)])
}

const leads = (count: number) => (count > 0 ? ` leads ${count}` : '')

function describe(effect: GroupEffect): string {
  switch (effect.type) {
    case 'answerJoin':
      if (effect.error !== 'none') return `#${effect.ticket} ${effect.error} ${effect.memberId}`
      return [
        `#${effect.ticket} ${effect.memberId} joined${leads(effect.members.length)}`,
        ...(effect.skipAssignment ? [', assigned already'] : []),
      ].join('')
    case 'answerSync':
      return `#${effect.ticket} ${effect.error === 'none' ? `"${effect.assignment}"` : effect.error}`
    case 'answer':
      return `#${effect.ticket} ${effect.error}`
    case 'persist':
      return `persist ${effect.generation}`
  }
}
