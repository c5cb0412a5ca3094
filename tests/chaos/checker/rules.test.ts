// The checker against histories whose verdict is known: the worked vectors V1 to V11, and for every rule one history
// that breaks it and one, as like it as can be, that does not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from './checker.ts'
import type { Promises } from './finding.ts'
import type { HistoryEvent } from './history.ts'
import { outcomeOf, outcomeOfException } from './outcome.ts'
import { allAtOnce, inWords, oneAfterAnother } from './story.ts'

interface Case {
  readonly name: string
  readonly history: readonly HistoryEvent[]
  readonly errors: readonly string[]
  readonly counted?: readonly string[]
  readonly promises?: Partial<Promises>
}

/** A history's own outcome for an error, so that the vectors hold the table of outcomes to account as well. */
const notLeader = outcomeOf('notLeaderOrFollower')
const refused = outcomeOf('notEnoughReplicas')
const afterAppend = outcomeOf('notEnoughReplicasAfterAppend')

const vectors: readonly Case[] = [
  {
    name: 'V1 what everybody read past is lost, what stands behind is not',
    history: allAtOnce('ok send a@0', 'ok send b@1 d@3', 'info send c', 'ok poll c@2'),
    errors: ['lost-write k: a b'],
    counted: ['int-send-skip k: c'],
  },
  {
    name: 'V2 two values at one offset, and one of them lost',
    history: allAtOnce('ok send a@0', 'ok send b@0 c@2', 'ok poll b@0 c@2'),
    errors: ['lost-write k: a', 'inconsistent-offsets k: a b at 0'],
  },
  {
    name: 'V3 nothing is known of an unknown operation …',
    history: allAtOnce('info send x:a y:b@0', 'ok poll y:c@1'),
    errors: [],
  },
  {
    name: 'V3 … until one of its values is read',
    history: allAtOnce('info send x:a y:b@0', 'ok poll y:c@1', 'ok poll x:a@0'),
    errors: ['lost-write y: b'],
  },
  {
    name: 'V4 a failed poll shows a duplicate; an offset of a failed send shows nothing',
    history: allAtOnce('ok send 0@1', 'fail send 1@2', 'fail poll 0@11 1@12'),
    errors: ['duplicate k: 0 at 1 11'],
  },
  {
    name: 'V5 a process that leaves one out',
    history: allAtOnce('ok send a@0 b@1 c@2 d@3', 'ok poll c@2').concat(
      oneAfterAnother('p1 ok poll a@0 b@1', 'p1 ok poll d@3'),
    ),
    errors: ['poll-skip k: c'],
  },
  {
    name: 'V5 … is excused when the key was not its own in between',
    history: allAtOnce('ok send a@0 b@1 c@2 d@3', 'ok poll c@2').concat(
      oneAfterAnother('p1 ok poll a@0 b@1', 'p1 ok assign other', 'p1 ok assign k', 'p1 ok poll d@3'),
    ),
    errors: [],
  },
  {
    name: 'V5 … or was taken away and given back inside the operation',
    history: allAtOnce('ok send a@0 b@1 c@2 d@3', 'ok poll c@2').concat(
      oneAfterAnother('p1 ok poll a@0 b@1 d@3 rebalanced k'),
    ),
    errors: [],
  },
  {
    name: 'V6 the tail that the last reads never came to is unseen, and not lost by any read beyond it',
    history: [...oneAfterAnother('ok send a@0', 'ok send b@1'), ...oneAfterAnother('final', 'ok poll a@0')],
    errors: ['unseen k: b'],
  },
  {
    name: 'V7 acknowledged before the other began, and behind it in the log',
    history: oneAfterAnother('ok send a@1', 'ok send b@0'),
    errors: ['G0-realtime k: b a'],
  },
  {
    name: 'V8 not leader any more, and written all the same',
    history: allAtOnce(`${notLeader} send a`, 'ok poll a@0'),
    errors: [],
  },
  {
    name: 'V9 refused for want of replicas, and written all the same',
    history: allAtOnce(`${refused} send a`, 'ok poll a@0'),
    errors: ['aborted-read k: a'],
  },
  {
    name: 'V9 want of replicas found after the append says nothing',
    history: allAtOnce(`${afterAppend} send a`, 'ok poll a@0'),
    errors: [],
  },
  {
    name: 'V10 holes in the offsets',
    history: oneAfterAnother('ok send a@3', 'ok send b@7', 'ok poll a@3 b@7'),
    errors: [],
  },
]

const rules: readonly Case[] = [
  {
    name: 'C1 nobody has read past it yet',
    history: allAtOnce('ok send a@0', 'ok send b@1', 'ok poll a@0'),
    errors: [],
  },
  {
    name: 'C2 read by a poll that failed, of a send whose fate is unknown',
    history: allAtOnce('fail send a', 'info send b', 'fail poll a@0', 'ok poll b@1'),
    errors: [],
  },
  {
    name: 'C4 without idempotence a duplicate is counted',
    history: allAtOnce('ok send a@0', 'ok poll a@0', 'ok poll a@1'),
    errors: [],
    counted: ['duplicate k: a at 0 1'],
    promises: { idempotent: false },
  },
  {
    name: 'C5 handed out again to the same process',
    history: allAtOnce('ok send a@0 b@1').concat(oneAfterAnother('p1 ok poll a@0 b@1', 'p1 ok poll b@1')),
    errors: ['nonmonotonic-poll k: b'],
  },
  {
    name: 'C5 handed out again after a poll that was not completed',
    history: allAtOnce('ok send a@0 b@1').concat(
      oneAfterAnother('p1 info poll a@0 b@1', 'p2 ok poll a@0 b@1'),
    ),
    errors: [],
  },
  {
    name: 'C5 a poll that failed is compared, and does not count as read',
    history: allAtOnce('ok send a@0 b@1 c@2').concat(
      oneAfterAnother('p1 ok poll a@0', 'p1 fail poll c@2', 'p1 ok poll b@1 c@2'),
    ),
    errors: ['poll-skip k: b'],
  },
  {
    name: 'C5 in a group it is allowed',
    history: allAtOnce('ok send a@0 b@1').concat(
      oneAfterAnother('p1 ok subscribe k', 'p1 ok poll a@0 b@1', 'p1 ok poll b@1'),
    ),
    errors: [],
    counted: ['nonmonotonic-poll k: b', 'consumed-again k: b'],
  },
  {
    name: 'C5 what a member leaves out, another of its group was handed',
    history: allAtOnce('ok send a@0 b@1 c@2').concat(
      oneAfterAnother(
        'p1 ok subscribe k',
        'p2 ok subscribe k',
        'p1 ok poll a@0',
        'p2 ok poll b@1',
        'p1 ok poll c@2',
      ),
    ),
    errors: [],
    counted: ['poll-skip k: b'],
  },
  {
    name: 'C5 what a member leaves out, nobody of its group was handed',
    history: allAtOnce('ok send a@0 b@1 c@2', 'ok poll b@1').concat(
      oneAfterAnother('p1 ok subscribe k', 'p1 ok poll a@0', 'p1 ok poll c@2'),
    ),
    errors: ['group-skip k: b'],
    counted: ['poll-skip k: b'],
  },
  {
    name: 'C6 backwards inside one poll',
    history: allAtOnce('ok send a@0 b@1', 'ok poll b@1 a@0'),
    errors: ['int-nonmonotonic-poll k: b a'],
  },
  {
    name: 'C6 one left out inside one poll',
    history: allAtOnce('ok send a@0 b@1 c@2', 'ok poll b@1', 'ok poll a@0 c@2'),
    errors: ['int-poll-skip k: b'],
  },
  {
    name: 'C6 two keys in one poll',
    history: allAtOnce('ok send x:a@5 y:b@1', 'ok poll x:a@5 y:b@1'),
    errors: [],
  },
  {
    name: 'C7 a process whose second send stands before its first',
    history: allAtOnce('ok send c@1').concat(
      oneAfterAnother('p1 ok send a@2', 'p1 info send b', 'ok poll b@0 c@1'),
    ),
    errors: ['nonmonotonic-send k: a b', 'G0-process k: b c a'],
  },
  {
    name: 'C7 two processes, at once, in either order',
    history: allAtOnce('ok send a@1', 'ok send b@0'),
    errors: [],
  },
  {
    name: 'C7 backwards inside one send',
    history: allAtOnce('ok send a@1 b@0'),
    errors: ['int-nonmonotonic-send k: a b'],
  },
  {
    name: 'C7 something of others inside one batch',
    history: allAtOnce('ok send a@0 b@2', 'ok send c@1'),
    errors: ['int-send-skip k: c'],
    promises: { sendsAreBatches: true },
  },
  {
    name: 'C8 the last reads come to the end',
    history: [...oneAfterAnother('ok send a@0', 'info send b'), ...oneAfterAnother('final', 'ok poll a@0')],
    errors: [],
  },
  {
    name: 'C9 a transaction reads what it sends',
    history: allAtOnce('ok txn >a@0 <a@0'),
    errors: ['precommitted-read k: a'],
    promises: { transactional: true },
  },
  {
    name: 'C9 a transaction reads what another sends',
    history: allAtOnce('ok send a@0', 'ok txn >b@1 <a@0'),
    errors: [],
    promises: { transactional: true },
  },
  {
    name: 'C10 read before it was sent',
    history: oneAfterAnother('ok poll a@0', 'ok send a@0'),
    errors: ['G1c-realtime k: a'],
  },
  {
    name: 'C10 read while it was sent',
    history: allAtOnce('ok poll a@0', 'ok send a@0'),
    errors: [],
  },
  {
    name: 'C10 transactions that each read what the other sends',
    history: allAtOnce('ok txn >x:a@0 <y:b@0', 'ok txn >y:b@0 <x:a@0'),
    errors: ['G1c x y: a b'],
    promises: { transactional: true },
  },
  {
    name: 'C10 transactions whose writes interleave',
    history: allAtOnce('ok txn >x:a@0 >y:b@1', 'ok txn >x:c@1 >y:d@0'),
    errors: [],
    counted: ['G0 x y: a b c d'],
    promises: { transactional: true },
  },
  {
    name: 'C12 consumed twice where offsets are compared',
    history: allAtOnce('ok send a@0').concat(
      oneAfterAnother('p1 ok subscribe k', 'p1 ok poll a@0', 'p1 ok poll a@0'),
    ),
    errors: ['consumed-again k: a'],
    counted: ['nonmonotonic-poll k: a'],
    promises: { consumesOnce: true },
  },
  {
    name: 'C12 consumed once by each of two',
    history: allAtOnce('ok send a@0').concat(
      oneAfterAnother('p1 ok subscribe k', 'p1 ok poll a@0', 'p2 ok subscribe k', 'p2 ok poll a@0'),
    ),
    errors: [],
    promises: { consumesOnce: true },
  },
]

for (const { name, history, errors, counted = [], promises = {} } of [...vectors, ...rules]) {
  test(name, () => {
    const verdict = judge(history, { okSendsMin: 0, faults: [] }, promises)
    assert.deepEqual(verdict.errors.map(inWords).map(sorted), errors.map(sorted))
    assert.deepEqual(verdict.counted.map(inWords).map(sorted), counted.map(sorted))
  })
}

test('V11 an empty history breaks nothing, and is no pass', () => {
  const verdict = judge([])
  assert.deepEqual(verdict.errors, [])
  assert.equal(verdict.outcome, 'inconclusive')
  assert.deepEqual(verdict.coverage.missing, ['0 values acknowledged, not 10000'])
})

test('coverage wants reads of every key, and a change of leader for every class of fault', () => {
  const history: HistoryEvent[] = [
    ...oneAfterAnother('ok send x:a@0', 'ok send y:b@0', 'ok poll x:a@0'),
    { type: 'info', f: 'fault', timeNs: 10, process: -1, fault: 'F1', what: 'kill' },
    { type: 'info', f: 'leader', timeNs: 11, process: -1, key: 'x', leader: 2, epoch: 1 },
    { type: 'info', f: 'fault', timeNs: 12, process: -1, fault: 'F5', what: 'pause' },
  ]
  const { outcome, coverage } = judge(history, { okSendsMin: 2, faults: ['F1', 'F3', 'F5'] })
  assert.equal(outcome, 'inconclusive')
  assert.deepEqual(coverage.missing, [
    'nothing was read of y',
    'no F3 was injected',
    'no F5 changed a leader',
  ])
})

test('a silence is the doing of the fault that came last before it ended', () => {
  const history: HistoryEvent[] = oneAfterAnother('ok send a@0', 'ok send b@1')
  history.splice(2, 0, { type: 'info', f: 'fault', timeNs: 1, process: -1, fault: 'F1', what: 'kill' })
  const slow = history.map(event => ({ ...event, timeNs: event.timeNs * 1e9 }))
  const { coverage } = judge(slow, { okSendsMin: 0, faults: [] })
  assert.deepEqual(coverage.faults.get('F1'), { times: 1, leaderChanges: 0, silenceMs: 2_000 })
})

test('C11 lag is for how long the next record had been known when a poll began that did not hand it out', () => {
  const history = oneAfterAnother(
    'ok send a@0 b@1',
    'p1 ok poll a@0',
    'p1 ok poll b@1',
    'ok send c@2',
    'p1 ok poll',
  )
  const inSeconds = history.map(event => ({ ...event, timeNs: event.timeNs * 1e9 }))
  const lagOf = (events: readonly HistoryEvent[]) => judge(events, { okSendsMin: 0, faults: [] }).lag
  // b is known from 1 s on: the poll of 2 s leaves it out, that of 4 s does not; c is known at 7 s, missing at 8 s.
  assert.partialDeepStrictEqual(lagOf(inSeconds.slice(0, 6)), { worstMs: 1_000, key: 'k', at: 3 })
  const later = inSeconds.map((event, at) => (at > 7 ? { ...event, timeNs: event.timeNs + 30e9 } : event))
  assert.partialDeepStrictEqual(lagOf(later), { worstMs: 31_000, key: 'k', at: 9 })
})

test('C11 lag begins when a process is given a key, and not again when it keeps it', () => {
  const history = oneAfterAnother(
    'ok send a@0 b@1',
    'p1 ok assign k',
    'p1 ok poll a@0',
    'p1 ok assign k x',
    'p1 ok poll',
  )
  // a and b are known from 1 s on; the process that comes at 103 s has b late by what it took from there to 108 s.
  const late = history.map((event, at) => ({ ...event, timeNs: (event.timeNs + (at > 1 ? 100 : 0)) * 1e9 }))
  assert.partialDeepStrictEqual(judge(late).lag, { worstMs: 5_000, key: 'k', at: 9 })
})

test('coverage wants faults injected that need not change a leader', () => {
  const history: HistoryEvent[] = oneAfterAnother('ok send a@0')
  history.push({ type: 'info', f: 'fault', timeNs: 9, process: -1, fault: 'F14', what: 'slow' })
  const { coverage } = judge(history, { okSendsMin: 0, faults: [], injected: ['F14', 'F15'] })
  assert.deepEqual(coverage.missing, ['nothing was read of k', 'no F15 was injected'])
})

test('a history that no client can have made is refused, not judged', () => {
  assert.throws(() => judge(allAtOnce('p1 ok send a@0', 'p1 ok send b@1')), /while one is open/)
  assert.throws(() => judge(allAtOnce('ok send a@0', 'ok send a@1')), /sent twice/)
})

test('a refused connection has carried nothing; one that broke may have', () => {
  const refusal = new Error('Cannot connect', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) })
  assert.equal(outcomeOfException(refusal), 'fail')
  assert.equal(outcomeOfException(new Error('Connection ended')), 'info')
})

/** The order of keys and values inside a finding is nobody's promise. */
function sorted(words: string): string {
  return words.split(/[ :]+/).sort().join(' ')
}
