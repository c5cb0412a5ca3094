// Consumer groups over the wire: forming, parking, taking over, and outliving the broker.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { BrokerProcess } from './broker-process.ts'
import { WireClient } from './wire-client.ts'

const groupId = 'readers'

/** A member by hand: each step is one request, so that a test can stop between any two. */
class Member {
  readonly client: WireClient
  memberId = ''
  generationId = -1
  leader = ''
  members: readonly { readonly memberId: string }[] = []

  private constructor(client: WireClient) {
    this.client = client
  }

  static async connect(port: number): Promise<Member> {
    return new Member(await WireClient.connect(port))
  }

  /** Version 6 first tells a member its id; before version 4 it is told with the answer alone. */
  async join(version = 6): Promise<number> {
    const protocols = [{ name: 'range', metadata: Buffer.from('subscription') }]
    const body = {
      groupId,
      sessionTimeoutMs: 2_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols,
    }
    for (;;) {
      const answer = await this.client.request(apis.joinGroup, version, { ...body, memberId: this.memberId })
      this.memberId = answer.memberId
      if (answer.errorCode === errorCodes.memberIdRequired) continue
      Object.assign(this, {
        generationId: answer.generationId,
        leader: answer.leader,
        members: answer.members,
      })
      return answer.errorCode
    }
  }

  /** The leader gives everybody their own id as the assignment. */
  async sync() {
    const { memberId, generationId } = this
    const assignments = this.members.map(member => ({
      memberId: member.memberId,
      assignment: Buffer.from(member.memberId),
    }))
    const answer = await this.client.request(apis.syncGroup, 4, {
      groupId,
      memberId,
      generationId,
      assignments,
    })
    return { errorCode: answer.errorCode, assignment: answer.assignment.toString() }
  }

  async heartbeat(): Promise<number> {
    const { memberId, generationId } = this
    return (await this.client.request(apis.heartbeat, 4, { groupId, memberId, generationId })).errorCode
  }

  /** How many members the group has, as the broker sees it. */
  async groupSize(): Promise<number> {
    const { groups } = await this.client.request(apis.describeGroups, 5, { groups: [groupId] })
    return groups[0]!.members.length
  }

  async commit(committedOffset: number): Promise<number> {
    const { memberId, generationId } = this
    const topics = [{ name: 'logs', partitions: [{ partitionIndex: 0, committedOffset }] }]
    const body = { groupId, memberId, generationIdOrMemberEpoch: generationId, topics }
    const answer = await this.client.request(apis.offsetCommit, 8, body)
    return answer.topics[0]!.partitions[0]!.errorCode
  }
}

test('two members share a group, one dies and the other goes on; the broker dies and both stay members', async () => {
  await using broker = await BrokerProcess.start([{ name: 'logs', partitions: 1 }])
  const [a, b] = [await Member.connect(broker.port), await Member.connect(broker.port)]
  assert.deepEqual(await Promise.all([a.join(), b.join()]), [0, 0])
  assert.equal(a.generationId, b.generationId)
  const shares = await Promise.all([a.sync(), b.sync()])
  assert.deepEqual(shares, [
    { errorCode: 0, assignment: a.memberId },
    { errorCode: 0, assignment: b.memberId },
  ])
  assert.equal(await a.commit(42), 0)

  await broker.killAndRestart()
  const [again, other] = [await Member.connect(broker.port), await Member.connect(broker.port)]
  Object.assign(again, { memberId: a.memberId, generationId: a.generationId })
  Object.assign(other, { memberId: b.memberId, generationId: b.generationId })
  assert.deepEqual(await Promise.all([again.heartbeat(), other.heartbeat()]), [0, 0], 'no rebalance')
  assert.equal((await other.sync()).assignment, b.memberId)
  const wanted = { groupId, topics: [{ name: 'logs', partitionIndexes: [0] }] }
  const { topics } = await again.client.request(apis.offsetFetch, 5, wanted)
  assert.equal(topics[0]!.partitions[0]!.committedOffset, 42)

  // One falls silent; the other hears of it, joins again and has everything.
  let heard = 0
  while (heard === 0) {
    await new Promise(resolve => setTimeout(resolve, 100))
    heard = await again.heartbeat()
  }
  assert.equal(heard, errorCodes.rebalanceInProgress)
  assert.equal(await again.join(), 0)
  assert.deepEqual([again.leader, again.members.length], [again.memberId, 1])
  assert.equal(again.generationId, a.generationId + 1)
  assert.equal(await other.heartbeat(), errorCodes.unknownMemberId)
  assert.equal(await other.commit(43), errorCodes.unknownMemberId)
})

test('a member whose connection ends while it waits to join holds nobody up', async () => {
  await using broker = await BrokerProcess.start([{ name: 'logs', partitions: 1 }])
  const [a, b] = [await Member.connect(broker.port), await Member.connect(broker.port)]
  assert.equal(await a.join(), 0)
  assert.equal((await a.sync()).errorCode, 0)
  // Nobody has told b its id, so nobody can come back under it.
  const joining = b.join(3).catch(() => 'gone')
  while ((await a.heartbeat()) === 0);
  assert.equal(await a.groupSize(), 2)
  b.client[Symbol.dispose]()
  assert.equal(await joining, 'gone')
  // Closing takes a moment to reach the broker; joined before it does, a would be answered together with b.
  while ((await a.groupSize()) > 1);
  assert.equal(await a.join(), 0)
  assert.deepEqual([a.leader, a.members.length], [a.memberId, 1])
})
