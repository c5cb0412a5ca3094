// What `tail`, `search` and `alerts` make of what they are told and of what they are answered.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listText, previewText } from './alert-commands.ts'
import { momentText } from './tail-commands.ts'
import { visible } from './visible.ts'

test('a line cannot steer a terminal', () => {
  assert.equal(visible('a\u001b[31mred\u0007\u009b2J\tb é'), 'a\\x1b[31mred\\x07\\x9b2J\tb é')
  assert.equal(visible('\u202egpj.exe\u2066'), '\\u202egpj.exe\\u2066')
})

test('a duration is a moment so long ago', () => {
  assert.deepEqual(['5m', 'now', '2026-11-24T08:00:00Z'].map(momentText), [
    'now-5m',
    'now',
    '2026-11-24T08:00:00Z',
  ])
})

test('alerts are a line each, with what is wrong at the end', () => {
  const at = Date.parse('2026-11-24T08:00:00Z')
  const alert = {
    ruleId: 'r',
    ruleName: 'Errors',
    labels: { path: '/x' },
    value: 7,
    startedAt: at,
    summary: '',
  }
  const answer = {
    firing: [{ ...alert, phase: 'firing' as const, firedAt: at }],
    pending: [],
    history: [{ ...alert, id: 'e', firedAt: at, resolvedAt: null, reason: null }],
    cursor: null,
    deliveries: { waiting: 2, failing: 1, lastError: 'answered 500' },
  }
  assert.equal(
    listText(answer, []),
    `firing    Errors {path="/x"}, 7, since 2026-11-24T08:00:00Z
episode   Errors {path="/x"}, 2026-11-24T08:00:00Z to now
wrong     1 notifications wait: answered 500
`,
  )
  const preview = {
    from: at,
    to: at + 60_000,
    stepSeconds: 10,
    evaluations: 7,
    episodes: [],
    truncated: false,
  }
  assert.equal(
    previewText(preview),
    '0 episodes from 2026-11-24T08:00:00Z to 2026-11-24T08:01:00Z, judged every 10 s\n',
  )
})
