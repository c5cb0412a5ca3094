// Parsing of /proc and the lines made of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpuTicks, type HostSample, memoryOf, metricLines } from './host-metrics.ts'

test('cpuTicks() counts idle and waiting as not busy, and guest time once', () => {
  assert.deepEqual(cpuTicks('cpu  10 1 5 80 4 0 0 0 7 0\ncpu0 1 2 3 4\n'), { busy: 16, total: 100 })
  assert.equal(cpuTicks('intr 1 2'), null)
})

test('memoryOf() reads available, not free, memory', () => {
  assert.deepEqual(memoryOf('MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:   40 kB\n'), {
    total: 102_400,
    available: 40_960,
  })
})

test('metricLines() gives CPU only once two samples exist, each number as one JSON line', () => {
  const at = new Date('2026-11-24T08:00:00.123Z')
  const sample = (busy: number, total: number): HostSample => ({
    cpuBusy: busy,
    cpuTotal: total,
    memoryUsed: 50,
    memoryTotal: 200,
    load1: 0.5,
    diskUsed: 1,
    diskTotal: 4,
  })
  const namesOf = (lines: string) =>
    lines
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).name)
  assert.equal(namesOf(metricLines('web-1', at, sample(1, 10), null)).includes('cpu.utilization'), false)
  const lines = metricLines('web-1', at, sample(6, 20), sample(1, 10))
  assert.deepEqual(JSON.parse(lines.split('\n')[0]!), {
    timestamp: '2026-11-24T08:00:00.123Z',
    host: 'web-1',
    name: 'cpu.utilization',
    value: 0.5,
    unit: '1',
  })
  assert.equal(namesOf(lines).length, 5)
})
