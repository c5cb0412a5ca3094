// How a group forms, agrees, loses members and falls apart, as stories: what happens, and what it says in return.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultGroupSettings, type GroupEffect, newGroup } from './group.ts'
import { step } from './group-step.ts'
import { parse, story } from './group-story.ts'

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
