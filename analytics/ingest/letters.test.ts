// What cannot be counted: it is in the ledger, it waits for its topic byte for byte, it costs nothing but itself, and
// whatever comes, what waits stays bounded.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Connection } from '../store/schema.ts'
import { openStore } from '../store/schema.ts'
import { baseMs, drain, startIngest, TestClock, totalLines } from './ingest-story.ts'
import { valueBytesMax } from './letter-box.ts'
import { MemoryLog } from './memory-log.ts'

const good = { line: 'a line', timestampMs: baseMs, format: 'raw' }
const bad = (line: string | Buffer) => ({ line, timestampMs: baseMs, format: 'combined', key: 'k' })

function waiting(connection: Connection) {
  return connection
    .prepare<[], { at: number; record_offset: number; reason: string; record_key: Buffer; value: Buffer }>(
      'SELECT record_offset, reason, at, record_key, value FROM dead_letters ORDER BY source, record_offset',
    )
    .all()
}

test('lines that are not what they say, and batches that cannot be read, wait as they are', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'letters-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const log = new MemoryLog()
  const garbage = Buffer.from('\u0000\u00ff not a line \u2028', 'latin1')
  log.produce('logs', 0, [good, bad(garbage), good], 'snappy')
  const flipped = new MemoryLog()
  flipped.produce('logs', 0, [good, good])
  const bytes = flipped.from('logs', 0, 0, 1)
  bytes[bytes.length - 2]! ^= 1
  log.append('logs', 0, bytes, 2)
  log.produce('logs', 0, [good], 'zstd')
  drain(startIngest(connection, log, new TestClock()))
  assert.equal(totalLines(connection), 3)
  const [line, batch, ...others] = waiting(connection)
  assert.deepEqual([line!.record_offset, line!.reason, line!.at], [1, 'unparsed', baseMs])
  assert.deepEqual(line!.value, garbage)
  assert.equal(line!.record_key.toString(), 'k')
  assert.deepEqual([batch!.record_offset, batch!.reason], [3, 'corrupt-batch'])
  assert.deepEqual(batch!.value, log.from('logs', 0, 3, 1))
  assert.deepEqual(others, [])
  connection.close()
})

test('a record that breaks the count costs itself alone, and the ledger says so', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'letters-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const log = new MemoryLog()
  log.produce('logs', 0, [good, { ...good, line: 'poison' }, good])
  log.produce('logs', 0, [good])
  const { ingest, loop, writer } = startIngest(connection, log, new TestClock())
  const noterOf = writer.visits.noter.bind(writer.visits)
  writer.visits.noter = state => {
    const noter = noterOf(state)
    const begin = noter.begin.bind(noter)
    noter.begin = (partition, buffer, keyStart, keyEnd, start, end) => {
      if (buffer.toString('latin1', start, end) === 'poison') throw new TypeError('it broke')
      begin(partition, buffer, keyStart, keyEnd, start, end)
    }
    return noter
  }
  ingest.reread()
  drain({ ingest, loop })
  assert.equal(totalLines(connection), 3)
  const losses = connection.prepare('SELECT reason, from_position, lines, detail FROM losses').all()
  assert.deepEqual(losses, [
    { reason: 'poison', from_position: '1', lines: 1, detail: 'counting this record failed: it broke' },
  ])
  assert.deepEqual(
    waiting(connection).map(({ record_offset, reason, value }) => [record_offset, reason, value.toString()]),
    [[1, 'poison', 'poison']],
  )
  connection.close()
})

test('however much cannot be counted, what waits is bounded, and the ledger has the rest', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'letters-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const log = new MemoryLog()
  for (let batch = 0; batch < 70; batch++)
    log.produce(
      'logs',
      0,
      Array.from({ length: 50 }, () => bad('no')),
    )
  const huge = Buffer.alloc(valueBytesMax + 10, 0x78)
  log.produce('logs', 1, [bad(huge)], 'gzip')
  drain(startIngest(connection, log, new TestClock()))
  const letters = waiting(connection)
  assert(letters.length <= 2_000, `${letters.length} wait`)
  assert(letters.length >= 1_900, `${letters.length} wait`)
  const lines = connection.prepare("SELECT sum(lines) FROM losses WHERE reason = 'unparsed'").pluck().get()
  assert.equal(lines, 3_501)
  const cut = letters.find(({ reason }) => reason === 'unparsed, cut')
  assert.equal(cut?.value.length, valueBytesMax)
  connection.close()
})
