// What a member of a consumer group was given, as consumers write it: version, topics with partitions. Whatever looks
// otherwise says nothing. Pure.
import { Reader } from '../../broker/protocol/bytes.ts'

const partitionsMax = 1_000

/** `topic-partition` each. */
export function assignedPartitions(assignment: Buffer): string[] {
  try {
    const reader = new Reader(assignment)
    reader.int16()
    const places: string[] = []
    for (let topics = reader.int32(); topics > 0; topics--) {
      const topic = reader.string(reader.int16())
      for (let count = reader.int32(); count > 0; count--) {
        if (places.length >= partitionsMax) return places
        places.push(`${topic}-${reader.int32()}`)
      }
    }
    return places
  } catch {
    return []
  }
}
