// The record as agents have always written it: fixtures/record holds its bytes. What an agent writes today is those
// bytes, and what an aggregator reads of them is where the line came from. A difference splits every count in two.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashKeyOf } from '../../agent/key.ts'
import { hashKeyText, Router } from '../../agent/routing.ts'
import { emptyRecordSource, readRecordSource } from '../../analytics/fold/record-source.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { annotated } from '../../broker/protocol/golden-frame.ts'
import { PositionHeaders } from '../../broker/protocol/record-headers.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'

const golden = annotated(
  readFileSync(join(import.meta.dirname, '../../fixtures/record/agent-record.hex'), 'utf8'),
)
const line = '203.0.113.7 - - [24/Nov/2026:08:00:00 +0000] "GET /a HTTP/1.1" 200 5120 "-" "curl/8.14.1" 0.042'
const src = 'agent000.Zm9vYmFyYmE.bm9uY2Vub25'
const position = 12_345
const timestampMs = 1_795_507_200_500
const headerBytesMax = 96

test('an agent writes the golden record, and sends it to the same partition', () => {
  const bytes = Buffer.from(line)
  const hashKey = hashKeyText(hashKeyOf('seed'))
  const routing = { topic: 'logs', partitions: 6, format: 'combined', keyField: null, hashKey } as const
  const router = new Router(routing, 'Zm9vYmFyYmE')
  assert.equal(router.route(bytes, 0, bytes.length, position), 2)
  const headers = new PositionHeaders([['src', src]], 'pos', [['format', 'combined']]).at(position)
  assert(headers.length <= headerBytesMax)
  const builder = new BatchBuilder()
  builder.append(router.key, bytes, headers, timestampMs)
  assert.equal(builder.build({ codec: 'none' }).toString('hex'), golden.toString('hex'))
})

test('an aggregator reads from the golden record where its line came from', () => {
  let records = 0
  walkRecords(golden, (_offset, timestamp, buffer, keyStart, keyEnd, start, end, headers, count) => {
    records++
    const source = emptyRecordSource()
    readRecordSource(buffer, headers, count, source)
    assert.deepEqual(
      [buffer.toString('latin1', keyStart, keyEnd), buffer.toString('latin1', start, end), timestamp],
      ['5914dc4945e2e5ae', line, timestampMs],
    )
    assert.deepEqual(
      [buffer.toString('latin1', source.srcStart, source.srcEnd), source.position, source.format],
      [src, position, 'combined'],
    )
  })
  assert.equal(records, 1)
})
