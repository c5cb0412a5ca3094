// What Prometheus reads: each line of the text format, and the values behind it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metrics } from './metrics.ts'

test('Metrics.render() writes families with their help, type and labels', () => {
  const metrics = new Metrics()
  metrics.counter('lines_total', 'Lines.', { topic: 'logs' }).add(3)
  metrics.counter('lines_total', 'Lines.', { topic: 'metrics' }).add()
  metrics.gauge('lag_records', 'Not counted yet.').set(7)
  assert.equal(
    metrics.render(),
    `# HELP lines_total Lines.
# TYPE lines_total counter
lines_total{topic="logs"} 3
lines_total{topic="metrics"} 1
# HELP lag_records Not counted yet.
# TYPE lag_records gauge
lag_records 7
`,
  )
})

test('Metrics gives the same counter for the same labels', () => {
  const metrics = new Metrics()
  metrics.counter('n', 'N.').add(2)
  assert.equal(metrics.counter('n', 'N.').value, 2)
})

test('a label value cannot end its quotes or its line', () => {
  const metrics = new Metrics()
  metrics.gauge('g', 'G.', { path: 'a"b\\c\nd' }).set(1)
  assert.match(metrics.render(), /^g\{path="a\\"b\\\\c\\nd"\} 1$/m)
})

test('Histogram buckets are cumulative, the last one holds everything', () => {
  const metrics = new Metrics()
  const histogram = metrics.histogram('wait_ms', 'Waits.', [1, 10])
  for (const value of [0.5, 1, 5, 100]) histogram.observe(value)
  assert.deepEqual(metrics.render().split('\n').slice(2, -1), [
    'wait_ms_bucket{le="1"} 2',
    'wait_ms_bucket{le="10"} 3',
    'wait_ms_bucket{le="+Inf"} 4',
    'wait_ms_sum 106.5',
    'wait_ms_count 4',
  ])
})

test('observed() reads its values at each rendering', () => {
  const metrics = new Metrics()
  let depth = 1
  metrics.observed('depth', 'Depth.', () => [[{ queue: 'a' }, depth]])
  assert.match(metrics.render(), /depth\{queue="a"\} 1/)
  depth = 2
  assert.match(metrics.render(), /depth\{queue="a"\} 2/)
})
