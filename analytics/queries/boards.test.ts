// The boards on the usual ten minutes of a store: each number against what the lines add up to.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openReader } from '../store/schema.ts'
import { FixedClock, fillUsual, nowMs, StoreFeed } from '../test-store.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { accessPanels, hostUse, red, slo } from './boards.ts'
import type { Reading } from './parts.ts'
import { Rows } from './rows.ts'

async function onUsual(run: (reading: Reading) => void): Promise<void> {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'boards-'))
  const path = join(directory.path, 'windows.db')
  const feed = new StoreFeed(path, new FixedClock())
  fillUsual(feed)
  const reader = openReader(path)
  run({ rows: new Rows(reader), days: new ZoneDays('UTC'), nowMs })
  reader.close()
  feed.close()
}

const halfHour = { window: 30 * 60_000 }

test('accessPanels() counts as the lines do, in every panel that is kept', () =>
  onUsual(reading => {
    const { general, panels } = accessPanels(reading, halfHour, 3)
    assert.deepEqual(
      [general.requests, general.bytes, general.failed, general.latencyMaxMs],
      [2400, 240_000, 1, 109],
    )
    const panel = (name: string) => panels.find(one => one.name === name)!
    const [first] = panel('requests').rows
    assert.deepEqual([first?.hits, first?.hitsShare, first?.bytes], [480, 0.2, 48_000])
    assert.deepEqual([panel('requests').rows.length, panel('requests').values], [3, 5])
    assert.deepEqual(
      panel('status_codes').rows.map(row => [row.value, row.hits]),
      [
        ['200', 2040],
        ['404', 240],
        ['500', 120],
      ],
    )
    assert.deepEqual(
      panel('methods').rows.map(row => row.value),
      ['GET'],
    )
  }))

test('red() divides errors by requests and keeps durations as quantiles', () =>
  onUsual(reading => {
    const [all] = red(reading, halfHour, null, 5).rows
    assert.deepEqual(
      [all?.requests, all?.errorRate, all?.clientErrorRate, all?.durationMs?.max],
      [2400, 0.05, 0.1, 109],
    )
    assert.ok(Math.abs((all?.durationMs?.p50 ?? 0) - 59) < 2)
    const paths = red(reading, halfHour, 'path', 2).rows
    assert.deepEqual([paths.length, paths[0]?.requests], [2, 480])
    assert.throws(() => red(reading, halfHour, 'topic', 2), { kind: 'unknown-breakdown' })
  }))

test('slo() tells how much of the budget is left, and burns as fast as errors come', () =>
  onUsual(reading => {
    const answer = slo(reading, 0.9, '1h')
    assert.deepEqual([answer.total, answer.good, answer.errorRate, answer.attained], [2400, 2280, 0.05, 0.95])
    assert.ok(Math.abs((answer.budgetLeft ?? 0) - 0.5) < 1e-9)
    assert.deepEqual(
      answer.burn.map(({ window }) => window),
      ['5m', '1h', '6h'],
    )
    for (const { rate } of answer.burn) assert.ok(Math.abs((rate ?? 0) - 0.5) < 0.01)
    assert.equal(slo({ ...reading, nowMs: nowMs + 86_400_000 }, 0.9, '1h').budgetLeft, null)
  }))

test('hostUse() sorts host metrics by what they say', () =>
  onUsual(reading => {
    const [row] = hostUse(reading, halfHour).rows
    assert.deepEqual(
      [row?.host, row?.resource, row?.aspect, row?.max, row?.last],
      ['web-1', 'cpu', 'utilization', 0.9, 0.1],
    )
  }))
