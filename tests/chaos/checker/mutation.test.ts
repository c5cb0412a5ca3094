// The checker's exam: correct histories pass, and each of them with one thing changed does not, wherever in it the
// change is made. And its speed, which is printed: 10^6 operations in less than a minute.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from './checker.ts'
import type { Action, HistoryEvent, Read } from './history.ts'
import { syntheticHistory } from './synthetic-history.ts'

const nothingWanted = { okSendsMin: 0, faults: [] }
const strict = { sendsAreBatches: true, consumesOnce: true }
const { TAILRACE_FIRST_SEED: firstSeed = '1' } = process.env
const seeds = Array.from({ length: 40 }, (_, index) => index + Number(firstSeed))

interface Target {
  readonly key: string
  readonly value: number
  readonly offset: number
}

type Mutation = (history: readonly HistoryEvent[], target: Target, other: Target) => HistoryEvent[]

/** Each with the rules one of which must speak. */
const mutations: readonly { readonly name: string; readonly mutate: Mutation; readonly rules: RegExp }[] = [
  {
    name: 'an acknowledged value is in nobody’s reads',
    mutate: (history, { value }) => withReads(history, reads => reads.filter(([, read]) => read !== value)),
    rules: /lost-write|unseen/,
  },
  {
    name: 'one poll leaves a value out',
    mutate: (history, { value }) =>
      inOnePoll(history, value, reads => reads.filter(([, read]) => read !== value)),
    rules: /poll-skip/,
  },
  {
    name: 'the last reads leave a value and all behind it out',
    mutate: (history, { value, offset }) =>
      withReads(history, reads =>
        reads.filter(([at]) => at < offset || !reads.some(([, read]) => read === value)),
      ),
    rules: /unseen|lost-write/,
  },
  {
    name: 'two values have changed places for one reader',
    mutate: (history, one, other) => inOnePoll(history, one.value, reads => reads.map(swapped(one, other))),
    rules: /inconsistent-offsets/,
  },
  {
    name: 'two values, one acknowledged before the other was sent, have changed places for everybody',
    mutate: (history, one, other) =>
      withSends(
        withReads(history, reads => reads.map(swapped(one, other)).sort(([a], [b]) => a - b)),
        action => {
          const offset =
            action.value === one.value ? other.offset : action.value === other.value ? one.offset : null
          return action.offset === null || offset === null ? action : { ...action, offset }
        },
      ),
    rules: /G0-|G1c-|nonmonotonic-send/,
  },
  {
    name: 'a value is in the log again, at the end',
    mutate: (history, { value }) =>
      withReads(history, (reads, isLast) =>
        isLast && reads.some(([, read]) => read === value)
          ? [...reads, [reads.at(-1)![0] + 1, value]]
          : reads,
      ),
    rules: /duplicate/,
  },
  {
    name: 'a value that was read belongs to a send that failed',
    mutate: (history, { value }) => withCompletion(history, value, 'fail'),
    rules: /aborted-read/,
  },
  {
    name: 'one poll hands a value out twice',
    mutate: (history, { value }) =>
      inOnePoll(history, value, reads => reads.flatMap(read => (read[1] === value ? [read, read] : [read]))),
    rules: /int-nonmonotonic-poll/,
  },
  {
    name: 'a value is read before it is sent',
    mutate: (history, { key, value, offset }) => [
      { type: 'invoke', f: 'poll', timeNs: 0, process: 9_999, actions: [] },
      { type: 'ok', f: 'poll', timeNs: 0, process: 9_999, actions: [pollOf(key, [[offset, value]])] },
      ...history,
    ],
    rules: /G1c-realtime/,
  },
]

test('a history of a correct log is valid, whatever its seed', () => {
  for (const seed of seeds) {
    const { errors } = judge(
      syntheticHistory({ seed, operations: 600, clients: 6, keys: 3 }),
      nothingWanted,
      strict,
    )
    assert.deepEqual(errors, [], `seed ${seed}`)
  }
})

for (const { name, mutate, rules } of mutations) {
  test(`caught: ${name}`, () => {
    for (const seed of seeds) {
      const history = syntheticHistory({ seed, operations: 600, clients: 6, keys: 3 })
      const [target, other] = twoTargets(history, seed)
      const { errors } = judge(mutate(history, target, other), nothingWanted, strict)
      assert(
        errors.some(({ rule }) => rules.test(rule)),
        `seed ${seed}, value ${target.value}: ${errors.map(({ rule }) => rule).join(' ') || 'no error at all'}`,
      )
    }
  })
}

test('caught: a send that failed is said to have succeeded', () => {
  for (const seed of seeds) {
    const history = syntheticHistory({ seed, operations: 600, clients: 6, keys: 3 })
    const failed = history.find(event => event.type === 'fail' && event.f === 'send')
    assert(failed && 'actions' in failed && failed.actions[0]?.f === 'send')
    const { errors } = judge(withCompletion(history, failed.actions[0].value, 'ok'), nothingWanted, strict)
    assert.deepEqual([...new Set(errors.map(({ rule }) => rule))], ['unseen'])
  }
})

/** `CHECKER_OPERATIONS=1000000` for the whole target; a tenth of it with every run of the tests. */
const operations = Number(process.env['CHECKER_OPERATIONS'] ?? 100_000)

test(`${operations} operations are judged in less than a minute`, () => {
  const history = syntheticHistory({ seed: 7, operations, clients: 12, keys: 12 })
  const startedMs = performance.now()
  const { outcome, errors, coverage } = judge(history, { okSendsMin: 10_000, faults: [] }, strict)
  const seconds = (performance.now() - startedMs) / 1_000
  const { values, reads } = coverage
  console.log(
    `checker: ${operations} operations, ${values} values sent, ${reads} read: ${seconds.toFixed(1)} s`,
  )
  assert.deepEqual([outcome, errors.length], ['valid', 0])
  assert(seconds < 60)
})

/** Of one key, both acknowledged, in one poll before the last reads; the first complete before the other began. */
function twoTargets(history: readonly HistoryEvent[], seed: number): [Target, Target] {
  const acknowledged = new Map<number, { invokedAt: number; completedAt: number }>()
  const open = new Map<number, number>()
  const found: [Target, Target][] = []
  history.forEach((event, at) => {
    if (!('actions' in event)) return
    if (event.type === 'invoke') open.set(event.process, at)
    else if (event.f === 'send' && event.type === 'ok') {
      const times = { invokedAt: open.get(event.process)!, completedAt: at }
      for (const action of event.actions) if (action.f === 'send') acknowledged.set(action.value, times)
    }
  })
  for (const event of history.slice(0, -2)) {
    if (!('actions' in event) || event.f !== 'poll' || event.type !== 'ok') continue
    for (const action of event.actions) if (action.f === 'poll') found.push(...pairsIn(action, acknowledged))
  }
  return found[(seed * 7_919) % found.length]!
}

function pairsIn(
  { reads }: Extract<Action, { f: 'poll' }>,
  acknowledged: ReadonlyMap<number, { invokedAt: number; completedAt: number }>,
): [Target, Target][] {
  const pairs: [Target, Target][] = []
  for (const [key, list] of Object.entries(reads)) {
    for (let place = 1; place < list.length - 1; place++) {
      const [offset, value] = list[place]!
      const one = acknowledged.get(value)
      for (const [otherOffset, otherValue] of list.slice(place + 1, -1)) {
        const other = acknowledged.get(otherValue)
        if (!one || !other || one.completedAt >= other.invokedAt) continue
        pairs.push([
          { key, value, offset },
          { key, value: otherValue, offset: otherOffset },
        ])
      }
    }
  }
  return pairs
}

function pollOf(key: string, reads: readonly Read[]): Action {
  return { f: 'poll', reads: { [key]: reads } }
}

function withActions(
  history: readonly HistoryEvent[],
  change: (action: Action, isLast: boolean) => Action,
): HistoryEvent[] {
  return history.map((event, at) => {
    if (!('actions' in event)) return event
    return { ...event, actions: event.actions.map(action => change(action, at === history.length - 1)) }
  })
}

function withReads(
  history: readonly HistoryEvent[],
  change: (reads: readonly Read[], isLast: boolean) => readonly Read[],
): HistoryEvent[] {
  return withActions(history, (action, isLast) => {
    if (action.f !== 'poll') return action
    const lists = Object.entries(action.reads).map(([key, reads]) => [key, change(reads, isLast)] as const)
    return { f: 'poll', reads: Object.fromEntries(lists) }
  })
}

function withSends(
  history: readonly HistoryEvent[],
  change: (action: Extract<Action, { f: 'send' }>) => Action,
): HistoryEvent[] {
  return withActions(history, action => (action.f === 'send' ? change(action) : action))
}

/** In the first poll that hands the value out with others on both sides. */
function inOnePoll(
  history: readonly HistoryEvent[],
  value: number,
  change: (reads: readonly Read[]) => readonly Read[],
): HistoryEvent[] {
  let done = false
  return withReads(history, reads => {
    const place = reads.findIndex(([, read]) => read === value)
    if (done || place <= 0 || place === reads.length - 1) return reads
    done = true
    return change(reads)
  })
}

function swapped(one: Target, other: Target): (read: Read) => Read {
  return ([offset, value]) => {
    if (value === one.value) return [other.offset, value]
    return value === other.value ? [one.offset, value] : [offset, value]
  }
}

function withCompletion(
  history: readonly HistoryEvent[],
  value: number,
  type: 'ok' | 'fail',
): HistoryEvent[] {
  return history.map(event => {
    if (event.f !== 'send' || event.type === 'invoke') return event
    return event.actions.some(action => action.f === 'send' && action.value === value)
      ? { ...event, type }
      : event
  })
}
