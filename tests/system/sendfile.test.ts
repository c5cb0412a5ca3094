// What consumers are served goes from the page cache to the socket by sendfile(2), behind the log's end too; memory
// does not grow with it; and after a restart the page cache is still warm. A real broker, 2 GB, /proc to measure by.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { Writer } from '../../broker/protocol/bytes.ts'
import { encodeRequest } from '../../broker/protocol/frame.ts'
import { findSendfile } from '../../broker/sendfile.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { WireClient } from '../clients/wire-client.ts'
import { eventually } from '../eventually.ts'

const topic = 'logs'
const mebibyte = 1024 * 1024
const batches = 96
const batchesPerFetch = 8
const servedBytesMin = 2_000_000_000

/** One socket that asks for the whole log again and again and keeps nothing of what comes. */
class Drain {
  readonly #socket: Socket
  readonly #batchBytes: number
  #left = -1
  #frameBytes = 0
  #header = Buffer.alloc(0)
  #onFrame: (bytes: number) => void = () => {}

  constructor(port: number, batchBytes: number) {
    this.#batchBytes = batchBytes
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.#socket.on('data', chunk => this.#take(chunk))
  }

  /** The bytes of the answer; at the end of a segment it is shorter. */
  fetch(offset: number): Promise<number> {
    const partitionMaxBytes = batchesPerFetch * this.#batchBytes
    const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes }]
    const writer = new Writer()
    const body = { maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 30, topics: [{ topic, partitions }] }
    encodeRequest(writer, apis.fetch, 12, 1, 'drain', body)
    this.#socket.write(writer.view())
    return new Promise(resolve => {
      this.#onFrame = resolve
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    if (this.#left < 0) {
      this.#header = Buffer.concat([this.#header, chunk])
      if (this.#header.length < 4) return
      this.#frameBytes = this.#header.readInt32BE(0)
      this.#left = this.#frameBytes
      chunk = this.#header.subarray(4)
    }
    this.#left -= chunk.length
    assert(this.#left >= 0, 'one answer at a time')
    if (this.#left > 0) return
    this.#left = -1
    this.#header = Buffer.alloc(0)
    this.#onFrame(this.#frameBytes)
  }
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024
}

async function readFromDisk(pid: number): Promise<number> {
  return Number(/read_bytes: (\d+)/.exec(await readFile(`/proc/${pid}/io`, 'utf8'))![1])
}

async function sentBytes(broker: BrokerProcess, way: string): Promise<number> {
  const text = await readFile(join(broker.config.dataDirectory, 'metrics.prom'), 'utf8').catch(() => '')
  return Number(
    new RegExp(`^tailrace_broker_sent_bytes_total\\{way="${way}"\\} (\\S+)`, 'm').exec(text)?.[1] ?? 0,
  )
}

async function serveAll(drain: Drain): Promise<number> {
  let bytes = 0
  for (let at = 0; at < batches; at += batchesPerFetch) bytes += await drain.fetch(at)
  return bytes
}

test('2 GB are served by sendfile, in flat memory, and after a restart without the disk', {
  skip: findSendfile() === null ? 'sendfile is for Linux' : false,
}, async t => {
  await using broker = await BrokerProcess.start([{ name: topic, partitions: 1 }], {
    segmentBytes: 32 * mebibyte,
  })
  using client = await WireClient.connect(broker.port)
  const builder = new BatchBuilder()
  let batchBytes = 0
  for (let count = 0; count < batches; count++) {
    builder.append(null, Buffer.alloc(1_000_000, count), undefined, Date.now())
    const records = builder.build({ codec: 'none' })
    batchBytes = records.length
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
    const answer = await client.request(apis.produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 20_000,
      topicData,
    })
    assert.equal(answer.responses[0]!.partitionResponses[0]!.errorCode, 0)
  }

  const drain = new Drain(broker.port, batchBytes)
  await serveAll(drain)
  const before = await residentBytes(broker.pid)
  let most = before
  let served = 0
  while (served < servedBytesMin) {
    served += await serveAll(drain)
    most = Math.max(most, await residentBytes(broker.pid))
  }
  drain.close()
  assert(
    (most - before) / 1e6 < 30,
    `memory grew by ${(most - before) / 1e6} MB while ${served / 1e9} GB went out`,
  )
  // Of the frames' bytes a few are headers.
  const [bySendfile, byCopy] = await eventually(
    `the metrics show ${served} bytes`,
    async () => [await sentBytes(broker, 'sendfile'), await sentBytes(broker, 'copy')] as const,
    counts => counts[0] + counts[1] >= 0.999 * served,
  )
  const share = bySendfile / (bySendfile + byCopy)
  assert(share >= 0.9, `${Math.round(share * 100)} % of the fetched bytes went by sendfile`)

  assert.equal(await broker.stop('SIGTERM'), 0)
  await broker.start()
  const readBefore = await readFromDisk(broker.pid)
  const again = new Drain(broker.port, batchBytes)
  const servedAgain = await serveAll(again)
  again.close()
  // The pages of the program's own code count too, where a busy machine has dropped them.
  const read = (await readFromDisk(broker.pid)) - readBefore
  assert(
    read < servedAgain / 10,
    `${read} of ${servedAgain} bytes came from the disk although they were in the page cache`,
  )
  const growth = Math.round((most - before) / 1e6)
  t.diagnostic(
    `${(served / 1e9).toFixed(2)} GB, ${(share * 100).toFixed(1)} % by sendfile, memory +${growth} MB`,
  )
})
