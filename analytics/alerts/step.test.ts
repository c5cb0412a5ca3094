// Stories of one alert, minute by minute: what each value makes of it, and what is told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Effect,
  episodeId,
  forgetPending,
  keyOf,
  type RuleState,
  type Sample,
  step,
  stopAll,
} from './step.ts'

const minute = 60_000
const labels = { path: '/x' }
const key = keyOf(labels)

/** T true, . false, ? unknown, _ no sample at all; a minute each. Gives phases and what was told. */
function story(
  values: string,
  rule: Partial<{ forMinutes: number; keep: number; missing: 'keep' | 'ok' | 'firing' }> = {},
): string {
  const { forMinutes = 0, keep = 0, missing = 'keep' } = rule
  const state: RuleState = new Map()
  const known = { id: 'r', forMs: forMinutes * minute, keepFiringForMs: keep * minute, missing }
  return [...values]
    .map((letter, index) => {
      const effects: Effect[] = []
      const sample = { labels, value: letter === '?' ? null : 1, isTrue: letter === 'T' }
      step(state, known, letter === '_' ? new Map() : new Map([[key, sample]]), index * minute, effects)
      const phase = { pending: 'p', firing: 'F', none: '-' }[state.get(key)?.phase ?? 'none']
      return phase + effects.map(({ type }) => (type === 'fired' ? '!' : '~')).join('')
    })
    .join(' ')
}

test('an alert waits, fires once, and is over once', () => {
  const rows: [values: string, rule: Parameters<typeof story>[1], told: string][] = [
    ['.T.', {}, '- F! -~'],
    ['TTT', {}, 'F! F F'],
    ['T.T.', {}, 'F! -~ F! -~'],
    ['.TTT.', { forMinutes: 2 }, '- p p F! -~'],
    ['TT.TTT', { forMinutes: 2 }, 'p p - p p F!'],
    ['T..T...', { keep: 2 }, 'F! F F F F F -~'],
    ['T...', { keep: 2 }, 'F! F F -~'],
    ['TT', { forMinutes: 1, keep: 5 }, 'p F!'],
  ]
  for (const [values, rule, told] of rows) assert.equal(story(values, rule), told, values)
})

test('what cannot be known neither fires nor ends an alert, unless the rule says so', () => {
  const rows: [values: string, rule: Parameters<typeof story>[1], told: string][] = [
    ['T?T.', {}, 'F! F F -~'],
    ['T_T.', {}, 'F! F F -~'],
    ['TT?TTT', { forMinutes: 2 }, 'p p - p p F!'],
    ['T?', { missing: 'ok' }, 'F! -~'],
    ['T_', { missing: 'ok' }, 'F! -~'],
    ['.??', { missing: 'firing' }, '- F! F'],
    ['?', {}, '-'],
    ['T.??.', { keep: 3 }, 'F! F F F -~'],
  ]
  for (const [values, rule, told] of rows) assert.equal(story(values, rule), told, values)
})

test('groups of one rule live apart', () => {
  const state: RuleState = new Map()
  const rule = { id: 'r', forMs: 0, keepFiringForMs: 0, missing: 'keep' } as const
  const at = (time: number, truths: Record<string, boolean>) => {
    const effects: Effect[] = []
    const samples = Object.entries(truths).map(([host, isTrue]): [string, Sample] => [
      keyOf({ host }),
      { labels: { host }, value: 1, isTrue },
    ])
    step(state, rule, new Map(samples), time, effects)
    return effects.map(({ type, alert }) => `${type} ${alert.labels['host']}`)
  }
  assert.deepEqual(at(0, { a: true, b: false }), ['fired a'])
  assert.deepEqual(at(1, { a: true, b: true }), ['fired b'])
  assert.deepEqual(at(2, { a: false, b: true }), ['resolved a'])
})

test('an episode has one name from firing to its end, and another the next time', () => {
  const state: RuleState = new Map()
  const rule = { id: 'r', forMs: 0, keepFiringForMs: 0, missing: 'keep' } as const
  const effects: Effect[] = []
  for (const [at, isTrue] of [true, true, false, true].entries()) {
    step(state, rule, new Map([[key, { labels, value: at, isTrue }]]), at, effects)
  }
  const [fired, resolved, again] = effects
  assert.equal(fired!.episode, resolved!.episode)
  assert.notEqual(fired!.episode, again!.episode)
  assert.equal(fired!.episode, episodeId('r', key, 0))
  assert.deepEqual([fired!.alert.value, resolved!.alert.value], [0, 2])
})

test('a rule that goes ends what fires; a gap ends what was pending', () => {
  const state: RuleState = new Map()
  const rule = { id: 'r', forMs: minute, keepFiringForMs: 0, missing: 'keep' } as const
  const isOn = new Map([[key, { labels, value: 1, isTrue: true }]])
  step(state, rule, isOn, 0, [])
  forgetPending(state)
  assert.equal(state.size, 0)
  step(state, rule, isOn, 0, [])
  step(state, rule, isOn, minute, [])
  forgetPending(state)
  assert.equal(state.size, 1)
  const effects: Effect[] = []
  stopAll(state, rule, 2 * minute, 'ruleDeleted', effects)
  assert.deepEqual(
    effects.map(({ type, reason }) => [type, reason]),
    [['resolved', 'ruleDeleted']],
  )
  assert.equal(state.size, 0)
})
