// What members of a consumer group tell each other through the coordinator, in the format of Kafka's own clients:
// the topics each reads, and the partitions the leader gives it; and the leader's rule, Kafka's `range`. Pure.
import { Reader, Writer } from '../protocol/bytes.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface Subscriber {
  readonly memberId: string
  readonly instanceId: string | null
  readonly topics: readonly string[]
}

const formatVersion = 0

export function encodeSubscription(topics: readonly string[]): Buffer {
  const writer = new Writer(256)
  writer.int16(formatVersion)
  writer.int32(topics.length)
  for (const topic of topics) writeText(writer, topic)
  writer.int32(-1)
  return Buffer.from(writer.view())
}

/** Later versions say more behind this; it is not needed here. */
export function decodeSubscription(metadata: Buffer): string[] {
  const reader = new Reader(metadata)
  reader.int16()
  return Array.from({ length: countIn(reader, metadata) }, () => reader.string(reader.int16()))
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const writer = new Writer(256)
  writer.int16(formatVersion)
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic)
  writer.int32(byTopic.size)
  for (const [topic, own] of byTopic) {
    writeText(writer, topic)
    writer.int32(own.length)
    for (const { partition } of own) writer.int32(partition)
  }
  writer.int32(-1)
  return Buffer.from(writer.view())
}

/** Empty for a member that was given nothing. */
export function decodeAssignment(assignment: Buffer): TopicPartition[] {
  if (assignment.length === 0) return []
  const reader = new Reader(assignment)
  reader.int16()
  const partitions: TopicPartition[] = []
  for (let topics = countIn(reader, assignment); topics > 0; topics--) {
    const topic = reader.string(reader.int16())
    for (let count = countIn(reader, assignment); count > 0; count--)
      partitions.push({ topic, partition: reader.int32() })
  }
  return partitions
}

/** `topic-partition` each, of whatever client; what is written in another way says nothing. */
export function assignedPlaces(assignment: Buffer): string[] {
  try {
    return decodeAssignment(assignment).map(({ topic, partition }) => `${topic}-${partition}`)
  } catch {
    return []
  }
}

/**
 * Of each topic a run of partitions to each of its readers, the first ones getting one more where it does not divide.
 * Readers are ordered by instance id, else member id, so that each keeps its place as long as the others do.
 */
export function assignRanges(
  subscribers: readonly Subscriber[],
  partitionsOf: (topic: string) => number,
): Map<string, TopicPartition[]> {
  const assigned = new Map<string, TopicPartition[]>(subscribers.map(({ memberId }) => [memberId, []]))
  const ordered = subscribers.toSorted((a, b) => (rankOf(a) < rankOf(b) ? -1 : 1))
  for (const topic of new Set(ordered.flatMap(({ topics }) => topics))) {
    const readers = ordered.filter(({ topics }) => topics.includes(topic))
    const count = partitionsOf(topic)
    for (let partition = 0; partition < count; partition++) {
      const [width, rest] = [Math.floor(count / readers.length), count % readers.length]
      const wide = rest * (width + 1)
      const at =
        partition < wide ? Math.floor(partition / (width + 1)) : rest + Math.floor((partition - wide) / width)
      assigned.get(readers[at]!.memberId)!.push({ topic, partition })
    }
  }
  return assigned
}

/** A member without an instance id comes after those with one. */
function rankOf({ instanceId, memberId }: Subscriber): string {
  return instanceId === null ? `1${memberId}` : `0${instanceId}`
}

function writeText(writer: Writer, text: string): void {
  const length = Buffer.byteLength(text)
  writer.int16(length)
  writer.utf8(text, length)
}

/** Refuses what cannot be in so few bytes before anything is made for it. */
function countIn(reader: Reader, from: Buffer): number {
  const count = reader.int32()
  if (count < 0 || count > from.length)
    throw new RangeError(`Cannot read ${count} elements in ${from.length} bytes`)
  return count
}
