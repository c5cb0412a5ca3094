// The record batches inside the golden exchanges: what nine clients built with their own codecs is accepted as a
// broker accepts it, decompressed, and walked to the very keys, values and headers that were produced.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse } from '../../broker/protocol/frame.ts'
import {
  batchEnd,
  batchView,
  codecs,
  validateBatch,
  validateProducerBatch,
} from '../../broker/protocol/record-batch.ts'
import { decodeHeaders } from '../../broker/protocol/record-headers.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import { type Exchange, readExchanges } from '../../fixtures/wire.ts'

const lengthPrefixBytes = 4
const exchanges = readExchanges()

function producedBatches({ request }: Exchange): Buffer[] {
  const frame = request.subarray(lengthPrefixBytes)
  const { topicData } = decodeRequest(frame, decodeRequestHeader(frame), apis.produce)
  return topicData.flatMap(topic => topic.partitionData.map(({ records }) => records as Buffer))
}

function fetchedBatches({ response, version }: Exchange): Buffer[] {
  const { responses } = decodeResponse(response.subarray(lengthPrefixBytes), apis.fetch, version)
  const batches: Buffer[] = []
  for (const { records } of responses.flatMap(topic => topic.partitions)) {
    const bytes = records as Buffer | null
    if (!bytes) continue
    for (let at = 0, end = 0; at < bytes.length; at = end) {
      end = batchEnd(bytes, at, bytes.length)
      assert(end > at, 'Kafka sent whole batches')
      batches.push(bytes.subarray(at, end))
    }
  }
  return batches
}

/** Walks a batch, checks every record, and counts them. */
function assertOurRecords(batch: Buffer): number {
  let expectedOffset = batchView.baseOffset(batch, 0)
  const visit: Parameters<typeof walkRecords>[1] = (
    offset,
    timestamp,
    buffer,
    keyStart,
    keyEnd,
    valueStart,
    valueEnd,
    headersStart,
    headerCount,
  ) => {
    assert.equal(offset, expectedOffset++)
    assert(timestamp > Date.UTC(2020, 0) && timestamp <= batchView.maxTimestamp(batch, 0))
    // The records of the scene with three brokers have no keys.
    if (keyStart >= 0) assert.match(buffer.toString('latin1', keyStart, keyEnd), /^key-\d$/)
    assert.match(buffer.toString('latin1', valueStart, valueEnd), /^GET \/products\/\d 200$/)
    const headers = decodeHeaders(buffer, headersStart, headerCount)
    if (headers.length > 0) assert.equal(headers.find(([name]) => name === 'pos')?.[1]?.toString(), '0')
  }
  const count = walkRecords(batch, visit)
  assert.equal(count, batchView.recordCount(batch, 0))
  return count
}

for (const codec of codecs) {
  test(`Every client's batches in ${codec} are accepted and read`, () => {
    const clients = new Set<string>()
    for (const { file, exchange } of exchanges) {
      if (exchange.api !== 'Produce' || exchange.variant !== codec) continue
      for (const records of producedBatches(exchange)) {
        assert.equal(validateProducerBatch(records, exchange.version), 'none', file)
        assert.equal(batchView.codec(records, 0), codec)
        assert(assertOurRecords(records) > 0)
      }
      clients.add(exchange.client)
    }
    assert(clients.size >= 5, `only ${[...clients].join(', ')}`)
  })
}

test('Batches that a real Kafka stored and served are sound and read', () => {
  let records = 0
  for (const { file, exchange } of exchanges) {
    if (exchange.api !== 'Fetch') continue
    for (const batch of fetchedBatches(exchange)) {
      assert.equal(validateBatch(batch, 0, batch.length), 'none', file)
      records += assertOurRecords(batch)
    }
  }
  assert(records > 100, `${records} records`)
})
