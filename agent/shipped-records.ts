// For tests: what arrived in a topic, record by record, and what an aggregator would count of it.
import type { ScriptedBroker } from '../broker/client/scripted-broker.ts'
import { decodeHeaders } from '../broker/protocol/record-headers.ts'
import { walkRecords } from '../broker/protocol/record-walk.ts'

export interface ShippedRecord {
  readonly partition: number
  readonly key: string
  readonly line: string
  readonly timestamp: number
  readonly headers: Readonly<Record<string, string>>
}

export function shippedRecords(broker: ScriptedBroker, topic: string): ShippedRecord[] {
  const records: ShippedRecord[] = []
  broker.topics.get(topic)?.partitions.forEach(({ batches }, partition) => {
    for (const batch of batches) {
      walkRecords(batch, (_offset, timestamp, buffer, ks, ke, vs, ve, headersStart, headerCount) => {
        const headers: Record<string, string> = {}
        for (const [name, value] of decodeHeaders(buffer, headersStart, headerCount)) {
          headers[name] = value?.toString('latin1') ?? ''
        }
        const key = buffer.toString('latin1', ks, ke)
        records.push({ partition, key, line: buffer.toString('utf8', vs, ve), timestamp, headers })
      })
    }
  })
  return records
}

/** Per partition and src, positions only grow: what does not is a repeat. */
export function countLines(records: readonly ShippedRecord[]): Map<string, number> {
  const last = new Map<string, number>()
  const counts = new Map<string, number>()
  for (const { partition, line, headers } of records) {
    const source = `${partition} ${headers['src']}`
    const position = Number(headers['pos'])
    if (position <= (last.get(source) ?? -1)) continue
    last.set(source, position)
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return counts
}
