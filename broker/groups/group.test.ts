// Stories: what happens to a group, told in words, and what it says in return. Time is an event.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultGroupSettings, type Group, type GroupEffect, type GroupEvent, newGroup } from './group.ts'
import { step } from './group-step.ts'

const assigned = [
  { memberId: 'a', assignment: Buffer.from('for a') },
  { memberId: 'b', assignment: Buffer.from('for b') },
]

/** Plays the words on an empty group; a line each: the words, state and generation, effects. */
function story(...events: string[]): string {
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

/** "join a", "join a:x" (static, of instance x), "join a roundrobin,range", "join ? needs id", "sync a", "heartbeat a", "leave a", "gone 3", "after 50". */
function parse(words: string, group: Group, ticket: number): GroupEvent {
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
      return `#${effect.ticket} ${effect.memberId} joined${leads(effect.members.length)}${effect.skipAssignment ? ', assigned already' : ''}`
    case 'answerSync':
      return `#${effect.ticket} ${effect.error === 'none' ? `"${effect.assignment}"` : effect.error}`
    case 'answer':
      return `#${effect.ticket} ${effect.error}`
    case 'persist':
      return `persist ${effect.generation}`
  }
}

test('a group forms after a moment, grows, and closes ranks when a member falls silent', () => {
  assert.equal(
    story(
      'join a',
      'after 50',
      'sync a',
      'persisted',
      'join b',
      'heartbeat a',
      'join a',
      'sync b',
      'sync a',
      'persisted',
      'after 6000',
      'heartbeat a',
      'after 6000',
      'join a',
    ),
    `
join a            preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 1
sync a            completingRebalance 1  persist 1
persisted         stable 1               #3 "for a"
join b            preparingRebalance 1
heartbeat a       preparingRebalance 1   #6 rebalanceInProgress
join a            completingRebalance 2  #7 a joined leads 2, #5 b joined
sync b            completingRebalance 2
sync a            completingRebalance 2  persist 2
persisted         stable 2               #9 "for a", #8 "for b"
after 6000        stable 2
heartbeat a       stable 2               #12 none
after 6000        preparingRebalance 2
join a            completingRebalance 3  #14 a joined leads 1
`,
  )
})

test('a nameless member is told its id first, and a rebalance waits for it to come back with it', () => {
  assert.equal(
    story('join a needs id', 'join a', 'after 50', 'join x as stranger'),
    `
join a needs id   empty 0                #1 memberIdRequired a
join a            preparingRebalance 0
after 50          completingRebalance 1  #2 a joined leads 1
join x as strangercompletingRebalance 1  #4 unknownMemberId x
`,
  )
  assert.equal(
    story('join a', 'after 50', 'join b needs id', 'sync a', 'persisted', 'join a', 'after 9999', 'after 1'),
    `
join a            preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 1
join b needs id   completingRebalance 1  #3 memberIdRequired b
sync a            completingRebalance 1  persist 1
persisted         stable 1               #4 "for a"
join a            preparingRebalance 1
after 9999        preparingRebalance 1
after 1           completingRebalance 2  #6 a joined leads 1
`,
  )
})

test('whoever does not rejoin in time is left behind', () => {
  assert.equal(
    story(
      'join a',
      'join b',
      'after 50',
      'after 50',
      'sync a',
      'sync b',
      'persisted',
      'join a',
      'after 9000',
      'heartbeat b',
      'after 9000',
      'heartbeat b',
      'after 9000',
      'heartbeat b',
      'after 9000',
      'heartbeat b',
      'after 9000',
      'heartbeat b',
      'after 9000',
      'heartbeat b',
      'after 6000',
    ),
    `
join a            preparingRebalance 0
join b            preparingRebalance 0
after 50          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 2, #2 b joined
sync a            completingRebalance 1  persist 1
sync b            completingRebalance 1
persisted         stable 1               #5 "for a", #6 "for b"
join a            preparingRebalance 1
after 9000        preparingRebalance 1
heartbeat b       preparingRebalance 1   #10 rebalanceInProgress
after 9000        preparingRebalance 1
heartbeat b       preparingRebalance 1   #12 rebalanceInProgress
after 9000        preparingRebalance 1
heartbeat b       preparingRebalance 1   #14 rebalanceInProgress
after 9000        preparingRebalance 1
heartbeat b       preparingRebalance 1   #16 rebalanceInProgress
after 9000        preparingRebalance 1
heartbeat b       preparingRebalance 1   #18 rebalanceInProgress
after 9000        preparingRebalance 1
heartbeat b       preparingRebalance 1   #20 rebalanceInProgress
after 6000        completingRebalance 2  #8 a joined leads 1
`,
  )
})

test('a leader that leaves hands over, and the last one out empties the group', () => {
  assert.equal(
    story(
      'join a',
      'join b',
      'after 50',
      'after 50',
      'sync b',
      'leave a',
      'join b',
      'sync b',
      'persisted',
      'leave b',
      'persisted',
      'heartbeat b',
    ),
    `
join a            preparingRebalance 0
join b            preparingRebalance 0
after 50          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 2, #2 b joined
sync b            completingRebalance 1
leave a           preparingRebalance 1   #6 none, #5 rebalanceInProgress
join b            completingRebalance 2  #7 b joined leads 1
sync b            completingRebalance 2  persist 2
persisted         stable 2               #8 "for b"
leave b           empty 3                #10 none, persist 3
persisted         empty 3
heartbeat b       empty 3                #12 unknownMemberId
`,
  )
})

test('an assignment that could not be made durable is given to nobody', () => {
  assert.equal(
    story('join a', 'after 50', 'sync a', 'persisted failed', 'join a'),
    `
join a            preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 1
sync a            completingRebalance 1  persist 1
persisted failed  preparingRebalance 1   #3 rebalanceInProgress
join a            completingRebalance 2  #5 a joined leads 1
`,
  )
})

test('a follower that repeats itself changes nothing; a leader that does starts over', () => {
  assert.equal(
    story(
      'join a',
      'join b',
      'after 50',
      'after 50',
      'join b',
      'sync a',
      'persisted',
      'join b',
      'sync b',
      'join a',
    ),
    `
join a            preparingRebalance 0
join b            preparingRebalance 0
after 50          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 2, #2 b joined
join b            completingRebalance 1  #5 b joined
sync a            completingRebalance 1  persist 1
persisted         stable 1               #6 "for a"
join b            stable 1               #8 b joined
sync b            stable 1               #9 "for b"
join a            preparingRebalance 1
`,
  )
})

test('generations fence commits and syncs; a commit without one is for groups nobody is in', () => {
  assert.equal(
    story(
      'commit nobody g-1',
      'join a',
      'after 50',
      'commit a',
      'sync a g0',
      'sync a',
      'persisted',
      'commit a',
      'commit a g0',
      'commit nobody g-1',
      'commit b',
      'heartbeat a g0',
      'heartbeat b',
    ),
    `
commit nobody g-1 empty 0                #1 none
join a            preparingRebalance 0
after 50          completingRebalance 1  #2 a joined leads 1
commit a          completingRebalance 1  #4 rebalanceInProgress
sync a g0         completingRebalance 1  #5 illegalGeneration
sync a            completingRebalance 1  persist 1
persisted         stable 1               #6 "for a"
commit a          stable 1               #8 none
commit a g0       stable 1               #9 illegalGeneration
commit nobody g-1 stable 1               #10 unknownMemberId
commit b          stable 1               #11 unknownMemberId
heartbeat a g0    stable 1               #12 illegalGeneration
heartbeat b       stable 1               #13 unknownMemberId
`,
  )
})

test('the protocol is the one most members prefer among those all can speak', () => {
  assert.equal(
    story('join a x,y', 'join b y,x', 'join c y,x', 'join d z', 'after 50', 'after 50'),
    `
join a x,y        preparingRebalance 0
join b y,x        preparingRebalance 0
join c y,x        preparingRebalance 0
join d z          preparingRebalance 0   #4 inconsistentGroupProtocol${' '}
after 50          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 3, #2 b joined, #3 c joined
`.replace(/ +$/gm, ''),
  )
  const group = newGroup('g', 0)
  const effects: GroupEffect[] = []
  for (const words of ['join a x,y', 'join b y,x', 'join c y,x']) {
    step(group, parse(words, group, 1), defaultGroupSettings, 0, effects)
  }
  step(group, { type: 'tick' }, defaultGroupSettings, 50, effects)
  step(group, { type: 'tick' }, defaultGroupSettings, 100, effects)
  assert.equal(group.protocol, 'y')
})

test('a connection that ends while its JoinGroup waits takes a nameless member along, a named one may return', () => {
  assert.equal(
    story('join a', 'gone 1', 'after 50'),
    `
join a            preparingRebalance 0
gone 1            preparingRebalance 0
after 50          empty 1                persist 1
`,
  )
  assert.equal(
    story(
      'join a',
      'after 50',
      'sync a',
      'persisted',
      'join b needs id',
      'join b',
      'gone 6',
      'join a',
      'join b',
      'gone 9',
      'after 10000',
    ),
    `
join a            preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 1
sync a            completingRebalance 1  persist 1
persisted         stable 1               #3 "for a"
join b needs id   stable 1               #5 memberIdRequired b
join b            preparingRebalance 1
gone 6            preparingRebalance 1
join a            preparingRebalance 1
join b            completingRebalance 2  #8 a joined leads 2, #9 b joined
gone 9            completingRebalance 2
after 10000       empty 3                persist 3
`,
  )
})

test('a member that joined and never asks for its assignment is removed when the phase ends', () => {
  assert.equal(
    story('join a', 'join b', 'after 50', 'after 50', 'sync b', 'after 9000', 'heartbeat b', 'after 1000'),
    `
join a            preparingRebalance 0
join b            preparingRebalance 0
after 50          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 2, #2 b joined
sync b            completingRebalance 1
after 9000        completingRebalance 1
heartbeat b       completingRebalance 1  #7 none
after 1000        preparingRebalance 1   #5 rebalanceInProgress
`,
  )
})

test('a static member that restarts gets its share back and nobody else hears of it', () => {
  assert.equal(
    story(
      'join a:x',
      'join b:y',
      'after 50',
      'after 50',
      'sync a:x',
      'sync b:y',
      'persisted',
      'join c:y',
      'sync c:y',
      'heartbeat b:y',
      'heartbeat c:y',
      'heartbeat a:x',
      'sync b:y',
      'commit b:y',
      'leave b:y',
    ),
    `
join a:x          preparingRebalance 0
join b:y          preparingRebalance 0
after 50          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 2, #2 b joined
sync a:x          completingRebalance 1  persist 1
sync b:y          completingRebalance 1
persisted         stable 1               #5 "for a", #6 "for b"
join c:y          stable 1               #8 c joined, persist 1
sync c:y          stable 1               #9 "for b"
heartbeat b:y     stable 1               #10 fencedInstanceId
heartbeat c:y     stable 1               #11 none
heartbeat a:x     stable 1               #12 none
sync b:y          stable 1               #13 fencedInstanceId
commit b:y        stable 1               #14 fencedInstanceId
leave b:y         stable 1               #15 fencedInstanceId
`,
  )
})

test('a static leader that restarts is told the old leader, or, if it is new enough, not to assign', () => {
  assert.equal(
    story(
      'join a:x',
      'after 50',
      'sync a:x',
      'persisted',
      'join b:x',
      'sync b:x',
      'join c:x new',
      'sync c:x',
      'heartbeat a:x',
      'heartbeat c:z',
    ),
    `
join a:x          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 1
sync a:x          completingRebalance 1  persist 1
persisted         stable 1               #3 "for a"
join b:x          stable 1               #5 b joined, persist 1
sync b:x          stable 1               #6 "for a"
join c:x new      stable 1               #7 c joined leads 1, assigned already, persist 1
sync c:x          stable 1               #8 "for a"
heartbeat a:x     stable 1               #9 fencedInstanceId
heartbeat c:z     stable 1               #10 unknownMemberId
`,
  )
})

test('a static member that comes back for other topics, or in the middle of a rebalance, makes all join again', () => {
  assert.equal(
    story(
      'join a:x',
      'after 50',
      'sync a:x',
      'persisted',
      'join b:x reads y',
      'join c:x reads y',
      'sync b:x',
      'sync c:x',
      'persisted',
      'join d',
      'heartbeat c:x',
      'join c:x as',
    ),
    `
join a:x          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 1
sync a:x          completingRebalance 1  persist 1
persisted         stable 1               #3 "for a"
join b:x reads y  completingRebalance 2  #5 b joined leads 1
join c:x reads y  completingRebalance 3  #6 c joined leads 1
sync b:x          completingRebalance 3  #7 fencedInstanceId
sync c:x          completingRebalance 3  persist 3
persisted         stable 3               #8 ""
join d            preparingRebalance 3
heartbeat c:x     preparingRebalance 3   #11 rebalanceInProgress
join c:x as       completingRebalance 4  #12 c joined leads 2, #10 d joined
`,
  )
})

test('a static member keeps its place through a rebalance until its session ends, or somebody says it has left', () => {
  assert.equal(
    story(
      'join a:x',
      'join b',
      'after 50',
      'after 50',
      'sync a:x',
      'sync b',
      'persisted',
      'join c',
      'join b',
      'after 9000',
      'heartbeat b',
      'heartbeat c',
      'after 1500',
      'join d:z',
      'leave nobody:z',
      'leave nobody:z',
      'leave b:q',
    ),
    `
join a:x          preparingRebalance 0
join b            preparingRebalance 0
after 50          preparingRebalance 0
after 50          completingRebalance 1  #1 a joined leads 2, #2 b joined
sync a:x          completingRebalance 1  persist 1
sync b            completingRebalance 1
persisted         stable 1               #5 "for a", #6 "for b"
join c            preparingRebalance 1
join b            preparingRebalance 1
after 9000        preparingRebalance 1
heartbeat b       preparingRebalance 1   #11 rebalanceInProgress
heartbeat c       preparingRebalance 1   #12 rebalanceInProgress
after 1500        completingRebalance 2  #9 b joined leads 2, #8 c joined
join d:z          preparingRebalance 2
leave nobody:z    preparingRebalance 2   #15 none, #14 unknownMemberId d
leave nobody:z    preparingRebalance 2   #16 unknownMemberId
leave b:q         preparingRebalance 2   #17 unknownMemberId
`,
  )
})
