// Members with a name of their own (group.instance.id), which keep their place while they restart, as stories.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { story } from './group-story.ts'

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
