// Several brokers' metrics as one text that Prometheus reads: each family once, each sample with its broker.
import assert from 'node:assert/strict'
import { mkdir, mkdtempDisposable, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { brokerMetricsTexts, joinMetrics, memoryBytesOf } from './broker-metrics.ts'

const text = (bytes: number) =>
  `# HELP tailrace_broker_resident_bytes Memory of the process.
# TYPE tailrace_broker_resident_bytes gauge
tailrace_broker_resident_bytes ${bytes}
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{le="+Inf"} 3
seconds_count 3
`

test('joinMetrics() heads each family once and labels every sample with its broker', () => {
  const joined = joinMetrics(
    new Map([
      [1, text(100)],
      [3, text(300)],
    ]),
  )
  assert.equal(
    joined,
    `# HELP tailrace_broker_resident_bytes Memory of the process.
# TYPE tailrace_broker_resident_bytes gauge
tailrace_broker_resident_bytes{broker="1"} 100
tailrace_broker_resident_bytes{broker="3"} 300
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{broker="1",le="+Inf"} 3
seconds_count{broker="1"} 3
seconds_bucket{broker="3",le="+Inf"} 3
seconds_count{broker="3"} 3
`,
  )
})

test('brokerMetricsTexts() finds every broker of the directory, but not what a dead one left behind', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'metrics-'))
  for (const id of [1, 2, 10]) {
    await mkdir(join(directory.path, `broker-${id}`))
    await writeFile(join(directory.path, `broker-${id}`, 'metrics.prom'), text(id))
  }
  await mkdir(join(directory.path, 'broker-4'))
  const now = Date.now()
  await utimes(join(directory.path, 'broker-2/metrics.prom'), new Date(now), new Date(now - 31_000))
  const texts = brokerMetricsTexts(directory.path, now)
  assert.deepEqual([...texts.keys()], [1, 10])
  assert.equal(memoryBytesOf(texts.get(10)), 10)
  assert.equal(memoryBytesOf(undefined), null)
  assert.equal(brokerMetricsTexts(join(directory.path, 'none'), now).size, 0)
})
