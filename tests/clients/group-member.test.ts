// Members of a classic group, of our own client, against a broker: together they own every partition once; one that
// comes back with its instance id takes its old place and disturbs nobody; one whose place was taken hears of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../../broker/client/cluster.ts'
import {
  assignRanges,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type TopicPartition,
} from '../../broker/client/consumer-protocol.ts'
import { GroupMember } from '../../broker/client/group-member.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { ServedBroker, worstCode } from './served-broker.ts'

const served = ServedBroker.forThisFile()
const quiet = createLog('test', () => {})

class Scene {
  readonly #groupId: string
  readonly #topic: string
  readonly owned = new Map<string, number[]>()
  readonly events: string[] = []
  #check: (() => void) | null = null

  constructor(topic: string) {
    this.#groupId = `group-of-${topic}`
    this.#topic = topic
  }

  member(name: string, instanceId?: string): GroupMember {
    const cluster = new Cluster({ bootstrap: [`127.0.0.1:${served.broker.port}`], clientId: name })
    return new GroupMember({
      cluster,
      groupId: this.#groupId,
      ...(instanceId !== undefined && { instanceId: () => instanceId }),
      topics: [this.#topic],
      onAssigned: partitions => this.#note(name, partitions),
      onFenced: () => {
        this.events.push(`${name} fenced`)
        this.#check?.()
      },
      clock: systemClock,
      log: quiet,
      sessionTimeoutMs: 30_000,
      heartbeatMs: 50,
    })
  }

  #note(name: string, partitions: readonly TopicPartition[]): void {
    this.owned.set(
      name,
      partitions.map(({ partition }) => partition),
    )
    this.events.push(`${name} assigned`)
    this.#check?.()
  }

  /** Looks again whenever somebody hears something. */
  until(holds: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.#check = () => {
        if (holds()) resolve()
      }
      this.#check()
    })
  }

  owns(...expected: (readonly [name: string, ...partitions: number[]])[]): () => boolean {
    return () => expected.every(([name, ...own]) => String(this.owned.get(name)) === String(own))
  }
}

test('members share the partitions in runs, and those of one that leaves are taken over', async () => {
  await served.newTopic('shared', 5)
  const scene = new Scene('shared')
  const one = scene.member('one', 'a')
  await scene.until(scene.owns(['one', 0, 1, 2, 3, 4]))
  const two = scene.member('two', 'b')
  await scene.until(scene.owns(['one', 0, 1, 2], ['two', 3, 4]))
  await one.close()
  scene.owned.delete('one')
  await scene.until(scene.owns(['two', 0, 1, 2, 3, 4]))
  await two.close()
})

test('a static member that was killed comes back to its place, and nobody else is asked to join again', async () => {
  await served.newTopic('static', 4)
  const scene = new Scene('static')
  const one = scene.member('one', 'a')
  const killed = scene.member('two', 'b')
  await scene.until(scene.owns(['one', 0, 1], ['two', 2, 3]))
  const generation = one.generation
  scene.events.length = 0
  // It does not leave, as a killed process does not, for its place is taken before it is closed.
  const back = scene.member('back', 'b')
  await scene.until(scene.owns(['back', 2, 3]))
  await scene.until(() => scene.events.includes('two fenced'))
  await killed.close()
  assert.equal(one.generation, generation)
  assert(!scene.events.includes('one assigned'), scene.events.join(', '))
  await Promise.all([one.close(), back.close()])
})

test('a member without an instance id is asked for its id first; new partitions are given out', async () => {
  await served.newTopic('grown', 1)
  const scene = new Scene('grown')
  const only = scene.member('only')
  await scene.until(scene.owns(['only', 0]))
  const topics = [{ name: 'grown', count: 3 }]
  const answer = await served.client.request(apis.createPartitions, 3, { topics, timeoutMs: 5_000 })
  assert.equal(worstCode(answer), 0)
  const other = scene.member('other')
  await scene.until(() => {
    const all = [...(scene.owned.get('only') ?? []), ...(scene.owned.get('other') ?? [])]
    return all.length === 3 && new Set(all).size === 3
  })
  await Promise.all([only.close(), other.close()])
})

test('what members tell each other reads as Kafka’s clients write it; absurd counts are refused', () => {
  assert.deepEqual(decodeSubscription(encodeSubscription(['logs', 'büro'])), ['logs', 'büro'])
  const own = [
    { topic: 'logs', partition: 0 },
    { topic: 'logs', partition: 5 },
    { topic: 'metrics', partition: 1 },
  ]
  assert.deepEqual(decodeAssignment(encodeAssignment(own)), own)
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)), [])
  // Version 0, one topic "t", no user data, byte for byte as Kafka's ConsumerProtocol has it.
  assert.equal(encodeSubscription(['t']).toString('hex'), '000000000001000174ffffffff')
  assert.throws(() => decodeAssignment(Buffer.from('00007fffffff', 'hex')), /Cannot read/)
})

test('ranges give every partition to one reader of its topic, and more to the first where it does not divide', () => {
  const reader = (memberId: string, instanceId: string | null, ...topics: string[]) => ({
    memberId,
    instanceId,
    topics,
  })
  const counts: Record<string, number> = { a: 5, b: 1 }
  const ranges = assignRanges(
    [reader('z', 'slot-0', 'a', 'b'), reader('y', 'slot-1', 'a', 'b'), reader('x', null, 'a')],
    topic => counts[topic] ?? 0,
  )
  const named = [...ranges].map(([member, own]) => [member, own.map(one => `${one.topic}${one.partition}`)])
  assert.deepEqual(Object.fromEntries(named), { z: ['a0', 'a1', 'b0'], y: ['a2', 'a3'], x: ['a4'] })
})
