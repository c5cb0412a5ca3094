// A topic as one row: its partitions added up, what it lacks, how evenly it is led; and all topics as CSV. Pure.
import type { TopicState } from '../../../analytics/http/contract-cluster.ts'

export interface TopicRow {
  readonly topic: TopicState
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  readonly lacking: number
  /** Of one copy; null while no broker has said. */
  readonly sizeBytes: number | null
  readonly records: number
  readonly recordsPerSecond: number | null
  /** How many partitions the busiest leader leads beyond an even share, of that share. */
  readonly skew: number
}

export function topicRow(topic: TopicState): TopicRow {
  let [lacking, records, replicas] = [0, 0, 0]
  let sizeBytes: number | null = null
  const led = new Map<number, number>()
  const holders = new Set<number>()
  for (const one of topic.partitions) {
    replicas = Math.max(replicas, one.replicas.length)
    if (one.leader < 0 || one.isr.length < one.replicas.length) lacking++
    records += Number(one.highWatermark) - Number(one.logStartOffset)
    if (one.sizeBytes !== null) sizeBytes = (sizeBytes ?? 0) + one.sizeBytes
    led.set(one.leader, (led.get(one.leader) ?? 0) + 1)
    for (const id of one.replicas) holders.add(id)
  }
  const fair = topic.partitions.length / Math.max(1, holders.size)
  // One more than its share is what cannot be helped where they do not divide.
  const skew = fair === 0 ? 0 : Math.max(0, Math.max(0, ...led.values()) - Math.ceil(fair)) / fair
  const { name, recordsPerSecond, partitions } = topic
  return {
    topic,
    name,
    partitions: partitions.length,
    ...{ replicas, lacking, sizeBytes, records },
    recordsPerSecond,
    skew,
  }
}

/** A cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function csvCell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export function topicsCsv(rows: readonly TopicRow[]): string {
  const head =
    'topic,partitions,replicas,without_full_isr,size_bytes,records,' +
    'records_per_second,retention_ms,retention_bytes,durability'
  const lines = rows.map(row =>
    [
      ...[row.name, row.partitions, row.replicas, row.lacking, row.sizeBytes, row.records],
      ...[row.recordsPerSecond, row.topic.retentionMs, row.topic.retentionBytes, row.topic.durability],
    ]
      .map(csvCell)
      .join(','),
  )
  return `${[head, ...lines].join('\r\n')}\r\n`
}
