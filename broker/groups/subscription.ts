// What the members of a consumer group tell their leader, as far as the broker must understand it: which topics they
// read. The format is the clients' own (ConsumerProtocolSubscription); whatever does not look like it is not read.
import { Reader } from '../protocol/bytes.ts'
import { type Group, type Member, metadataFor } from './group.ts'

const consumerProtocol = 'consumer'

/** Null when that cannot be said. */
export function topicsOf(metadata: Buffer): ReadonlySet<string> | null {
  try {
    const reader = new Reader(metadata)
    reader.int16()
    const count = reader.int32()
    const topics = new Set<string>()
    for (let at = 0; at < count; at++) topics.add(reader.string(reader.int16()))
    return topics
  } catch {
    return null
  }
}

/** Whether two members' words mean the same topics. Other words, such as partitions owned, may differ. */
export function readsTheSame(one: Buffer, other: Buffer): boolean {
  const [topics, others] = [topicsOf(one), topicsOf(other)]
  if (topics === null || others === null) return one.equals(other)
  return topics.size === others.size && topics.isSubsetOf(others)
}

/** The topics that a group reads now; 'everything' when that cannot be said. */
export function subscribedTopics(group: Group): ReadonlySet<string> | 'everything' {
  const topics = new Set<string>()
  for (const member of group.members.values()) {
    const own = topicsOf(metadataOf(group, member))
    if (own === null) return 'everything'
    for (const topic of own) topics.add(topic)
  }
  return topics
}

/** Of consumers, as opposed to whatever else uses groups to share work. */
export function isOfConsumers({ protocolType }: Group): boolean {
  return protocolType === consumerProtocol
}

/** While no protocol is agreed on, what it offers first: topics are the same in all that one client offers. */
function metadataOf({ protocol }: Group, member: Member): Buffer {
  return protocol === null
    ? (member.protocols[0]?.metadata ?? Buffer.alloc(0))
    : metadataFor(member, protocol)
}
