// Our own clients before a broker that lies: nothing is thrown where nobody catches, nobody asks without a pause, and
// once the broker is honest again everything is produced and read. And batches that lie, before those who read them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FoldState } from '../../analytics/fold/fold-state.ts'
import { readBatches } from '../../analytics/ingest/batches.ts'
import { ZoneDays } from '../../analytics/windows/zone-days.ts'
import { Cluster } from '../../broker/client/cluster.ts'
import { FetchLoop } from '../../broker/client/fetcher.ts'
import { Producer } from '../../broker/client/producer.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { decompress } from '../../broker/protocol/compression.ts'
import { ProtocolError } from '../../broker/protocol/protocol-error.ts'
import { batchEnd, batchHeaderBytes, codecs, validateBatch } from '../../broker/protocol/record-batch.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { Random } from '../chaos/random.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { until } from '../eventually.ts'
import { bomb, someRecords } from './batches.ts'
import { HostileBroker } from './hostile-broker.ts'

const quiet = createLog('fuzz', () => {})
const topic = 't'
const hostileMs = 3_000
const askedBytesPerSecondMax = 400_000

/** Values by offset, from whatever the broker says is a batch. */
class Reading {
  readonly values = new Map<number, string>()
  readonly loop: FetchLoop

  constructor(cluster: Cluster) {
    const onBatches = (_topic: string, _partition: number, batches: Buffer) => {
      for (let at = 0, end = batchEnd(batches, 0, batches.length); end > 0; ) {
        if (validateBatch(batches, at, end) === 'none') this.#take(batches.subarray(at, end))
        at = end
        end = batchEnd(batches, at, batches.length)
      }
    }
    const again = (name: string, partition: number) => this.loop.seek(name, partition, 0)
    const handler = { onBatches, onOffsetOutOfRange: again, onTopicReplaced: again }
    this.loop = new FetchLoop({ cluster, handler, clock: systemClock, log: quiet, maxWaitMs: 50 })
  }

  #take(batch: Buffer): void {
    walkRecords(batch, (offset, _time, buffer, _key, _keyEnd, start, end) => {
      this.values.set(offset, buffer.toString('latin1', start, end))
    })
  }
}

function send(producer: Producer, value: string): Promise<string | null> {
  const builder = new BatchBuilder(1_024)
  builder.append(null, Buffer.from(value), undefined, Date.now())
  return new Promise(resolve => {
    producer.send(topic, 0, builder.build({ codec: 'none' }), error => resolve(error))
  })
}

for (const seed of [1, 2, 3]) {
  test(`answers damaged from seed ${seed}: our clients survive, keep a pace and catch up`, async () => {
    await using hostile = await HostileBroker.listen(seed)
    const advertised = { advertisedHost: '127.0.0.1', advertisedPort: hostile.port }
    await using broker = await BrokerProcess.start([{ name: topic, partitions: 1 }], advertised)
    hostile.upstreamPort = broker.port
    const bootstrap = [`127.0.0.1:${hostile.port}`]
    const cluster = new Cluster({ bootstrap, clientId: 'fuzzed', requestTimeoutMs: 1_000 })
    const options = { cluster, clock: systemClock, log: quiet, requestTimeoutMs: 1_000 }
    const producer = new Producer({ ...options, timeoutMs: 500 })
    const reading = new Reading(cluster)
    reading.loop.seek(topic, 0, 0)
    const startedMs = performance.now()
    let sent = 0
    while (performance.now() - startedMs < hostileMs) {
      const settled = send(producer, `value ${sent++}`)
      await Promise.race([settled, new Promise(resolve => setTimeout(resolve, 50))])
    }
    const seconds = (performance.now() - startedMs) / 1_000
    assert.ok(hostile.faults > 5, `${hostile.faults} faults`)
    assert.ok(hostile.askedBytes / seconds < askedBytesPerSecondMax, `${hostile.askedBytes} bytes asked`)
    hostile.isHonest = true
    assert.equal(await send(producer, 'the last'), null)
    reading.loop.seek(topic, 0, 0)
    await until('the last is read', () => [...reading.values.values()].includes('the last')).catch(error => {
      assert.fail(`${error.message}; ${reading.loop.lastError}`)
    })
    reading.loop.close()
    producer.close()
    cluster.close()
  })
}

test('batches that lie cost whoever folds them no more than an entry in the ledger', () => {
  const dice = new Random(5)
  let read = 0
  for (let round = 0; round < 3_000; round++) {
    const records = someRecords(dice) ?? Buffer.alloc(0)
    const committed = { lastPosition: () => -1, valuesOfDay: () => [] }
    const state = new FoldState(committed, new ZoneDays('UTC'))
    const partition = state.partition(1, 'logs', 0, 0, Number.NEGATIVE_INFINITY)
    readBatches(state, partition, Buffer.from(records), () => {
      read++
    })
    assert.ok(Number.isSafeInteger(partition.next), `goes on at ${partition.next}`)
  }
  assert.ok(read > 1_000, `${read} records were read all the same`)
})

test('a bomb is refused at the bound, whatever it is packed with', () => {
  for (const codec of codecs.slice(1)) {
    const batch = bomb(codec, 3_000_000)
    assert.ok(batch.length < 200_000, `${codec}: ${batch.length} bytes`)
    const packed = batch.subarray(batchHeaderBytes)
    assert.throws(() => decompress(codec, packed, 1 << 20), ProtocolError, codec)
    assert.throws(() => walkRecords(batch, () => {}, 1 << 20), ProtocolError, codec)
    assert.equal(
      walkRecords(batch, () => {}, 4 << 20),
      1,
      codec,
    )
  }
})
