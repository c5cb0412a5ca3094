// Kafka's small text files, and our one binary one: written from values, parsed back, strict about both.
// Pure: bytes in, values out; the callers do the reading and the replacing.
import { readInt64, writeInt64 } from '../protocol/bytes.ts'

/** Names within a data directory. */
export const directoryFiles = {
  metaProperties: 'meta.properties',
  lock: '.lock',
  cleanShutdown: '.kafka_cleanshutdown',
  recoveryPoints: 'recovery-point-offset-checkpoint',
  highWatermarks: 'replication-offset-checkpoint',
  logStarts: 'log-start-offset-checkpoint',
  cleanOffsets: 'cleaner-offset-checkpoint',
} as const

/** Names within a partition's directory. */
export const partitionFiles = {
  leaderEpochs: 'leader-epoch-checkpoint',
  metadata: 'partition.metadata',
  durablePoint: 'durable-point',
  suspect: 'suspect',
  sparse: 'sparse',
} as const

/** A file that does not say what its kind says. Never repaired silently: the message names file and line. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
}

const version = 0

/** Offsets by `<topic>-<partition>`, the name of the partition's directory. */
export type OffsetsByPartition = ReadonlyMap<string, number>

/** `0\n<count>\n<topic> <partition> <offset>\n…`, sorted, so that equal contents are equal bytes. */
export function formatOffsetCheckpoint(offsets: OffsetsByPartition): Buffer {
  const lines = [...offsets]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, offset]) => {
      const dash = name.lastIndexOf('-')
      return `${name.slice(0, dash)} ${name.slice(dash + 1)} ${offset}`
    })
  return formatLines(lines)
}

export function parseOffsetCheckpoint(bytes: Buffer, path: string): Map<string, number> {
  const offsets = new Map<string, number>()
  for (const line of parseLines(bytes, path)) {
    const match = /^(\S+) (\d+) (\d+)$/.exec(line)
    if (!match) throw new CheckpointError(`Cannot read "${path}": not an offset of a partition: "${line}"`)
    offsets.set(`${match[1]}-${match[2]}`, Number(match[3]))
  }
  return offsets
}

export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

/** `0\n<count>\n<epoch> <startOffset>\n…` */
export function formatLeaderEpochs(epochs: readonly EpochStart[]): Buffer {
  return formatLines(epochs.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`))
}

export function parseLeaderEpochs(bytes: Buffer, path: string): EpochStart[] {
  return parseLines(bytes, path).map(line => {
    const match = /^(\d+) (\d+)$/.exec(line)
    if (!match) throw new CheckpointError(`Cannot read "${path}": not an epoch and an offset: "${line}"`)
    return { epoch: Number(match[1]), startOffset: Number(match[2]) }
  })
}

export function formatPartitionMetadata(topicId: string): Buffer {
  return Buffer.from(`version: 0\ntopic_id: ${topicId}`)
}

/** The topic id. */
export function parsePartitionMetadata(bytes: Buffer, path: string): string {
  const match = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(bytes.toString('latin1'))
  if (!match) throw new CheckpointError(`Cannot read "${path}": no topic_id of version 0`)
  return match[1]!
}

export interface MetaProperties {
  readonly clusterId: string
  readonly nodeId: number
  readonly directoryId: string
}

/** Raised when an older version could not read a log directory: `version` of meta.properties. */
export const logFormat = 1

export function formatMetaProperties({ clusterId, nodeId, directoryId }: MetaProperties): Buffer {
  const pairs = [
    `cluster.id=${clusterId}`,
    `directory.id=${directoryId}`,
    `node.id=${nodeId}`,
    `version=${logFormat}`,
  ]
  return Buffer.from(`#\n${pairs.join('\n')}\n`)
}

/** NaN where the file names none. */
export function metaPropertiesVersion(bytes: Buffer): number {
  return Number(propertiesOf(bytes).get('version') ?? Number.NaN)
}

function propertiesOf(bytes: Buffer): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of bytes.toString('utf8').split('\n')) {
    const equals = line.indexOf('=')
    if (!line.startsWith('#') && equals > 0)
      values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim())
  }
  return values
}

export function parseMetaProperties(bytes: Buffer, path: string): MetaProperties {
  const values = propertiesOf(bytes)
  const clusterId = values.get('cluster.id')
  const nodeId = Number(values.get('node.id') ?? Number.NaN)
  const directoryId = values.get('directory.id')
  if (values.get('version') !== '1' || !clusterId || !Number.isInteger(nodeId) || !directoryId) {
    throw new CheckpointError(
      `Cannot read "${path}": version 1 with cluster.id, node.id and directory.id expected`,
    )
  }
  return { clusterId, nodeId, directoryId }
}

export function formatCleanShutdown(brokerEpoch: number): Buffer {
  return Buffer.from(JSON.stringify({ version: 0, brokerEpoch }))
}

/** The broker epoch of the life that ended cleanly, or -1: a marker that cannot be read is no marker. */
export function parseCleanShutdown(bytes: Buffer): number {
  try {
    const marker = JSON.parse(bytes.toString('utf8')) as { version?: unknown; brokerEpoch?: unknown }
    return marker.version === 0 && Number.isSafeInteger(marker.brokerEpoch)
      ? (marker.brokerEpoch as number)
      : -1
  } catch {
    return -1
  }
}

/** Eight bytes in place, never synced: whatever survives a power cut is an earlier durable end, so a lower bound. */
export function formatDurablePoint(offset: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  writeInt64(bytes, 0, offset)
  return bytes
}

/** 0 where the file is absent, short, or never reached the disk. */
export function parseDurablePoint(bytes: Buffer | null): number {
  if (bytes?.length !== 8) return 0
  const offset = readInt64(bytes, 0)
  return offset >= 0 ? offset : 0
}

function formatLines(lines: readonly string[]): Buffer {
  return Buffer.from(`${[version, lines.length, ...lines].join('\n')}\n`)
}

function parseLines(bytes: Buffer, path: string): string[] {
  const [first, count, ...lines] = bytes.toString('utf8').split('\n')
  if (first !== String(version)) throw new CheckpointError(`Cannot read "${path}": version "${first}", not 0`)
  if (lines.pop() !== '' || String(lines.length) !== count) {
    throw new CheckpointError(`Cannot read "${path}": ${lines.length} whole lines, ${count} announced`)
  }
  return lines
}
