// `npm run bench -- start [gigabytes]`: from the start of a broker's process to its first acknowledged record, after a
// clean stop and after kill -9, with so much log (10 GB unless said otherwise) and with next to none. The CPU seconds
// stand beside the wall clock: on a busy machine only they can be compared.
import { performance } from 'node:perf_hooks'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { WireClient } from '../clients/wire-client.ts'
import { quantile, usageOfProcess } from './usage.ts'

const topic = 'logs'
const partitions = 6
const rounds = 7
const gigabyte = 1e9
const batchValueBytes = 1_000_000

export async function runStart(args: readonly string[]): Promise<void> {
  const gigabytes = Number(args[0] ?? 10)
  await using broker = await BrokerProcess.start([{ name: topic, partitions }], {
    segmentBytes: 128 * 1024 * 1024,
  })
  console.log('log     | stopped by | to the first acknowledged record, ms: median (all) | CPU seconds of it')
  await measure(broker, 'empty')
  await fill(broker, gigabytes * gigabyte)
  await measure(broker, `${gigabytes} GB`)
}

async function measure(broker: BrokerProcess, what: string): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const wallMs: number[] = []
    const cpuSeconds: number[] = []
    for (let round = 0; round < rounds; round++) {
      await broker.stop(signal)
      const startedMs = performance.now()
      await broker.start()
      using client = await WireClient.connect(broker.port)
      await produce(client, round % partitions, Buffer.from('first'))
      wallMs.push(Math.round(performance.now() - startedMs))
      cpuSeconds.push(usageOfProcess(broker.pid).cpuSeconds)
    }
    const row = [what.padEnd(7), signal.padEnd(10), `${quantile(wallMs, 0.5)} (${wallMs.join(' ')})`]
    console.log([...row, quantile(cpuSeconds, 0.5)].join(' | '))
  }
}

async function fill(broker: BrokerProcess, bytes: number): Promise<void> {
  using client = await WireClient.connect(broker.port)
  const value = Buffer.alloc(batchValueBytes, 'tailrace ')
  for (let written = 0; written < bytes; ) {
    await Promise.all(Array.from({ length: partitions }, (_, partition) => produce(client, partition, value)))
    written += partitions * value.length
  }
}

async function produce(client: WireClient, index: number, value: Buffer): Promise<void> {
  const builder = new BatchBuilder()
  builder.append(null, value, undefined, Date.now())
  const partitionData = [{ index, records: builder.build({ codec: 'none' }) }]
  const body = {
    transactionalId: null,
    acks: 1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData }],
  }
  const answer = await client.request(apis.produce, 9, body)
  const { errorCode } = answer.responses[0]!.partitionResponses[0]!
  if (errorCode !== 0) throw new Error(`Cannot produce: error ${errorCode}`)
}
