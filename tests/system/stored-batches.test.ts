// What a broker's disk holds of an access log that an agent sends 300 lines at a time: batches in zstd, and at least
// five times fewer bytes than the lines have, counting keys, origins and headers.
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Agent } from '../../agent/agent.ts'
import { batchView } from '../../broker/protocol/record-batch.ts'
import type { TrafficEvent } from '../../fixtures/events.ts'
import { createTraffic, nextEvents } from '../../fixtures/generator.ts'
import { LineWriter } from '../../fixtures/lines.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { eventually } from '../eventually.ts'

const linesEach = 300
const rounds = 10
const startMs = Date.UTC(2026, 10, 24, 8)
const ratioMin = 5

function accessLines(count: number): string[] {
  const kinds = { servers: 1, behavior: false, metrics: false }
  const traffic = createTraffic({ seed: 7, startMs, linesPerSecond: 150, ...kinds })
  const events: TrafficEvent[] = []
  nextEvents(traffic, Number.POSITIVE_INFINITY, count, events)
  const writer = new LineWriter('r')
  return events.slice(0, count).map(event => writer.write(event))
}

test('access logs at 300 lines a batch: codec 4, and at least five times smaller', async t => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'stored-batches-'))
  await using broker = await BrokerProcess.start([{ name: 'logs', partitions: 1 }])
  const logs = join(directory.path, 'logs')
  mkdirSync(logs)
  writeFileSync(join(directory.path, 'key-seed'), 'seed\n')
  const config = {
    dataDirectory: join(directory.path, 'data'),
    bootstrap: [`127.0.0.1:${broker.port}`],
    host: 'h',
    keySeedPath: join(directory.path, 'key-seed'),
    inputs: [{ paths: [join(logs, '*.log')], format: 'combined' as const }],
    sweepMs: 20,
    lingerMs: 100,
  }
  const agent = new Agent(
    config,
    systemClock,
    createLog('test', () => undefined),
  )
  await agent.start()
  const lines = accessLines(linesEach * rounds)
  for (let round = 1; round <= rounds; round++) {
    appendFileSync(join(logs, 'a.log'), lines.slice((round - 1) * linesEach, round * linesEach).join(''))
    const done = () => Promise.resolve(agent.describe().linesAcknowledged)
    await eventually('acknowledged', done, count => count === round * linesEach)
  }
  await agent.stop()
  const place = join(broker.directory, 'broker-1/logs-0')
  const stored = { bytes: 0, batches: 0, records: 0 }
  for (const name of readdirSync(place).filter(file => /^\d+\.log$/.test(file))) {
    const log = readFileSync(join(place, name))
    for (
      let at = 0;
      at < log.length && batchView.sizeInBytes(log, at) > 12;
      at += batchView.sizeInBytes(log, at)
    ) {
      assert.equal(batchView.codec(log, at), 'zstd')
      stored.bytes += batchView.sizeInBytes(log, at)
      stored.batches++
      stored.records += batchView.recordCount(log, at)
    }
  }
  assert.equal(stored.records, lines.length)
  const ratio = Buffer.byteLength(lines.join('')) / stored.bytes
  t.diagnostic(
    `${stored.batches} batches, ${(stored.records / stored.batches).toFixed(0)} lines each: ${ratio.toFixed(2)}`,
  )
  assert(ratio >= ratioMin, `${ratio}`)
})
