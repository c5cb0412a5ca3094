// What the broker counts, under the names it publishes. Hot paths hold on to the counters and add to them.
import type { Counter, Metrics } from '../runtime/metrics.ts'
import type { Call } from './call.ts'
import { apis } from './protocol/apis.ts'
import type { SendCounters } from './response-sender.ts'

export interface BrokerCounters {
  readonly receivedBytes: Counter
  readonly refusedConnections: Counter
  readonly producedBytes: Counter
  readonly producedBatches: Counter
  readonly producedRecords: Counter
  readonly refusedBatches: Counter
  readonly duplicateBatches: Counter
  readonly fetchedBytes: Counter
  readonly uncleanElections: Counter
  readonly send: SendCounters
  answered(call: Call, nowMs: number): void
}

const secondBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export function createBrokerCounters(metrics: Metrics): BrokerCounters {
  const requests = new Map<number, Counter>()
  for (const { key, name } of Object.values(apis)) {
    requests.set(
      key,
      metrics.counter('tailrace_broker_requests_total', 'Requests answered, by API.', { api: name }),
    )
  }
  const produceSeconds = metrics.histogram(
    'tailrace_broker_produce_seconds',
    'Time from the whole Produce request to its answer.',
    secondBounds,
  )
  const sent = (way: string) =>
    metrics.counter('tailrace_broker_sent_bytes_total', 'Bytes sent, by the way they went.', { way })
  const count = (name: string, help: string) => metrics.counter(`tailrace_broker_${name}_total`, help)
  return {
    receivedBytes: count('received_bytes', 'Bytes read from clients.'),
    refusedConnections: count('refused_connections', 'Connections ended for a reason.'),
    producedBytes: count('produced_bytes', 'Bytes of batches appended for producers.'),
    producedBatches: count('produced_batches', 'Batches appended for producers.'),
    producedRecords: count('produced_records', 'Records appended for producers.'),
    refusedBatches: count('refused_batches', 'Batches that were not appended.'),
    duplicateBatches: count('duplicate_batches', 'Batches known by their sequence and not appended again.'),
    uncleanElections: count('unclean_elections', 'Partitions this broker leads although it was not in sync.'),
    fetchedBytes: count('fetched_bytes', 'Bytes of batches sent to consumers.'),
    send: { sendfileBytes: sent('sendfile'), copiedBytes: sent('copy'), memoryBytes: sent('memory') },
    answered: (call, nowMs) => {
      requests.get(call.api.key)?.add()
      if (call.api.key === apis.produce.key) produceSeconds.observe((nowMs - call.startedMs) / 1_000)
    },
  }
}
