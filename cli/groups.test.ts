// `tailrace groups` against a broker of its own: what it shows and moves is what consumers then find.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { apis } from '../broker/protocol/apis.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { BrokerProcess } from '../tests/clients/broker-process.ts'
import { batch } from '../tests/clients/served-broker.ts'
import { WireClient } from '../tests/clients/wire-client.ts'
import { ClusterAdmin } from './cluster-admin.ts'
import { deleteGroup, describeGroup, earliest, latest, listGroups, resetGroup } from './groups.ts'

let broker: BrokerProcess
let client: WireClient
let admin: ClusterAdmin

before(async () => {
  broker = await BrokerProcess.start([{ name: 'logs', partitions: 2 }])
  client = await WireClient.connect(broker.port)
  admin = new ClusterAdmin([broker.address])
  for (const value of ['one', 'two', 'three']) {
    const topicData = [{ name: 'logs', partitionData: [{ index: 0, records: batch(value) }] }]
    await client.request(apis.produce, 8, { acks: -1, timeoutMs: 5_000, topicData })
  }
})
after(async () => {
  admin?.[Symbol.dispose]()
  client?.[Symbol.dispose]()
  await broker?.[Symbol.asyncDispose]()
})

async function commit(groupId: string, committedOffset: number): Promise<void> {
  const topics = [{ name: 'logs', partitions: [{ partitionIndex: 0, committedOffset }] }]
  await client.request(apis.offsetCommit, 8, { groupId, topics })
}

const refusal = (sentence: RegExp) => (error: unknown) =>
  error instanceof ExitError && error.exitCode === exitCodes.failed && sentence.test(error.message)

test('a group without members is listed, described with its lag, moved, and forgotten', async () => {
  await commit('readers', 1)
  assert.deepEqual(await listGroups(admin), [{ group: 'readers', state: 'Empty' }])
  const offset = { topic: 'logs', partition: 0, offset: 1, end: 3, lag: 2, member: null }
  assert.deepEqual(await describeGroup(admin, 'readers'), {
    group: 'readers',
    state: 'Empty',
    assignor: '',
    members: [],
    offsets: [offset],
  })

  const move = { topic: 'logs', partition: 0, from: 1, to: 3 }
  assert.deepEqual(await resetGroup(admin, 'readers', null, latest, true), [move])
  assert.deepEqual((await describeGroup(admin, 'readers')).offsets, [offset], 'a dry run moves nothing')
  assert.deepEqual(await resetGroup(admin, 'readers', null, latest, false), [move])
  assert.equal((await describeGroup(admin, 'readers')).offsets[0]!.lag, 0)

  const moved = async (target: Parameters<typeof resetGroup>[3]) =>
    (await resetGroup(admin, 'readers', 'logs', target, false)).map(({ to }) => to)
  assert.deepEqual(await moved(earliest), [0, 0])
  assert.deepEqual(await moved({ offset: 2 }), [2, 0], 'never beyond what there is')
  assert.deepEqual(await moved({ timestamp: 1_700_000_000_000 }), [0, 0])
  assert.deepEqual(await moved({ timestamp: 1_800_000_000_000 }), [3, 0], 'nothing so late: the end')

  await deleteGroup(admin, 'readers')
  assert.deepEqual(await listGroups(admin), [])
  await assert.rejects(describeGroup(admin, 'readers'), refusal(/no such group/))
  await assert.rejects(deleteGroup(admin, 'readers'), refusal(/no such group/))
})

test('a group with members shows who reads what, and is left alone', async () => {
  const protocols = [
    { name: 'range', metadata: Buffer.from([0, 0, 0, 0, 0, 1, 0, 4, ...Buffer.from('logs')]) },
  ]
  const times = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000 }
  const joining = {
    groupId: 'busy',
    groupInstanceId: 'shelf-1',
    protocolType: 'consumer',
    protocols,
    ...times,
  }
  const { memberId, generationId } = await client.request(apis.joinGroup, 5, joining)
  const assignment = Buffer.from([0, 0, 0, 0, 0, 1, 0, 4, ...Buffer.from('logs'), 0, 0, 0, 1, 0, 0, 0, 1])
  const assignments = [{ memberId, assignment }]
  const sync = { groupId: 'busy', memberId, generationId, groupInstanceId: 'shelf-1', assignments }
  assert.equal((await client.request(apis.syncGroup, 3, sync)).errorCode, 0)

  const { state, assignor, members, offsets } = await describeGroup(admin, 'busy')
  assert.deepEqual(
    [state, assignor, members.map(({ instance }) => instance)],
    ['Stable', 'range', ['shelf-1']],
  )
  assert.deepEqual(offsets, [
    { topic: 'logs', partition: 1, offset: -1, end: 0, lag: null, member: memberId },
  ])
  await assert.rejects(
    resetGroup(admin, 'busy', 'logs', latest, false),
    refusal(/1 members.*Stop them first/),
  )
  await assert.rejects(deleteGroup(admin, 'busy'), refusal(/has members/))
})
