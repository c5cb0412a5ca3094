// A rule that is opened and saved again is the same rule, whatever the form shows of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AlertRule } from '../../../analytics/http/contract-alerts.ts'
import { emptyForm, exploreAddress, firedSpans, formOf, ruleOf, ruleWords } from './rule-form.ts'

const full: AlertRule = {
  ...{ name: 'Checkout', kind: 'threshold', metric: 'latency', value: 'p95', window: '10m', by: ['path'] },
  ...{
    filter: ['path:/a', 'path:/b'],
    op: '>=',
    threshold: 1.5,
    for: '2m',
    webhooks: ['https://x.example/a'],
  },
  ...{
    summary: 'slow',
    keepFiringFor: '5m',
    settle: '30s',
    missing: 'ok',
    labels: { severity: 'page' },
    enabled: false,
  },
}

test('there and back again, with what the form does not show', () => {
  assert.deepEqual(ruleOf(formOf(full), full), full)
  const absent: AlertRule = {
    ...{ name: 'Silent', kind: 'absence', metric: 'lines', window: '10m', by: [], filter: [], for: '0s' },
    ...{ webhooks: [], summary: '' },
  }
  assert.deepEqual(ruleOf(formOf(absent), absent), absent)
  assert.ok(Number.isNaN(ruleOf({ ...emptyForm, threshold: ' ' }).threshold), 'nothing typed is not zero')
})

test('a rule is told in a sentence', () => {
  assert.equal(ruleWords(full), 'latency p95 >= 1.5 over 10m, only path:/a, path:/b, by path, for 2m')
  assert.equal(
    ruleWords({
      name: 'x',
      kind: 'change',
      metric: 'requests',
      op: '<',
      threshold: -50,
      offset: '7d',
      window: '15m',
    }),
    'requests < -50% against 7d before, over 15m',
  )
  assert.equal(ruleWords({ name: 'x', kind: 'absence', metric: 'lines' }), 'no lines in 5m')
  assert.equal(exploreAddress(full), '/explore?metric=latency&f=path%3A%2Fa&f=path%3A%2Fb&by=path')
})

test('what would have fired is marked within the preview, and to its end while it goes on', () => {
  const episode = { labels: {}, value: 1, startedAt: 0 }
  const spans = firedSpans({
    ...{ from: 0, to: 100, stepSeconds: 10, evaluations: 10, truncated: false },
    episodes: [
      { ...episode, firedAt: 20, resolvedAt: 50 },
      { ...episode, firedAt: 90, resolvedAt: null },
    ],
  })
  assert.deepEqual(spans, [
    [0.2, 0.5],
    [0.9, 1],
  ])
})
