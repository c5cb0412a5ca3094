// Rules and alerts as Prometheus's API has them: the fields and forms that Grafana reads.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prometheusAlerts, prometheusRules, type RuleNow } from './prometheus-rules.ts'
import { type RuleInput, ruleSchema } from './rule.ts'

const atMs = Date.parse('2026-11-24T08:10:00Z')

function now(input: RuleInput, changes: Partial<RuleNow> & { source?: 'api' | 'file' } = {}): RuleNow {
  const { source = 'api', ...rest } = changes
  const known = { id: input.name, source, rule: ruleSchema.parse(input), updatedAt: null } as const
  return { known, evaluatedUntilMs: atMs, error: null, alerts: [], ...rest }
}

const failing = {
  ...({ name: 'Checkout fails', kind: 'threshold', metric: 'errors', op: '>=', threshold: 20 } as const),
  ...{ filter: ['path:/check"out'], by: ['status'], for: '2m', keepFiringFor: '5m' },
  ...{ labels: { severity: 'page' }, summary: 'Nobody can pay' },
}
const alert = {
  ...{ ruleId: 'x', ruleName: 'Checkout fails', labels: { severity: 'page', status: '500' } },
  ...({ phase: 'firing', value: 24, startedAt: atMs - 180_000, firedAt: atMs - 60_000 } as const),
  summary: 'Nobody can pay',
}

test('a rule with an alert that fires', () => {
  const { groups } = prometheusRules([now(failing, { alerts: [alert] })])
  const told = {
    labels: { severity: 'page', status: '500', alertname: 'Checkout fails' },
    annotations: { summary: 'Nobody can pay' },
    state: 'firing',
    activeAt: '2026-11-24T08:07:00.000Z',
    value: '2.4e+01',
  }
  assert.deepEqual(groups, [
    {
      ...{ name: 'api', file: 'api', interval: 10, limit: 0, evaluationTime: 0 },
      lastEvaluation: '2026-11-24T08:10:00.000Z',
      rules: [
        {
          ...{ state: 'firing', name: 'Checkout fails', type: 'alerting', health: 'ok' },
          query: 'errors{path="/check\\"out"}[5m] by (status) >= 20',
          ...{ duration: 120, keepFiringFor: 300, evaluationTime: 0 },
          labels: { severity: 'page' },
          annotations: { summary: 'Nobody can pay' },
          alerts: [told],
          lastEvaluation: '2026-11-24T08:10:00.000Z',
        },
      ],
    },
  ])
  assert.deepEqual(prometheusAlerts([now(failing, { alerts: [alert] })]), { alerts: [told] })
})

test('groups by where rules stand; pending, unknown, in error, disabled', () => {
  const silent = { name: 'Silent', kind: 'absence', metric: 'lines', window: '10m' } as const
  const halved = { name: 'Half', kind: 'change', metric: 'requests', op: '<', threshold: -50 } as const
  const { groups } = prometheusRules([
    now(silent, { source: 'file', evaluatedUntilMs: null }),
    now(halved, { error: 'There is no metric', alerts: [{ ...alert, phase: 'pending', value: null }] }),
    now({ ...halved, name: 'Off', enabled: false }),
  ])
  assert.deepEqual(
    groups.map(({ name, rules }) => [name, rules.map(rule => rule.name)]),
    [
      ['tailrace.yaml', ['Silent']],
      ['api', ['Half']],
    ],
  )
  const [first, second] = groups.flatMap(({ rules }) => rules)
  assert.deepEqual(
    [first!.query, first!.state, first!.health, first!.lastEvaluation],
    ['absent lines[10m]', 'inactive', 'unknown', '0001-01-01T00:00:00Z'],
  )
  assert.deepEqual(
    [second!.query, second!.state, second!.health, second!.lastError, second!.alerts[0]!.value],
    ['change of requests[5m] offset 7d < -50 %', 'pending', 'err', 'There is no metric', 'NaN'],
  )
  assert.deepEqual(prometheusRules([]), { groups: [] })
})
