// What admins do over HTTP, against real brokers: topics made, set, widened, cut and deleted, groups reset and
// forgotten, refused with the reason; a page elsewhere changes nothing.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { ClusterAnswer } from '../../analytics/http/contract.ts'
import type {
  GroupAnswer,
  GroupResetAnswer,
  TopicConfigsAnswer,
} from '../../analytics/http/contract-cluster.ts'
import type { GroupsAnswer } from '../../analytics/http/contract-groups.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from './appliance.ts'

let appliance: Appliance
let kafka: Kafka

before(async () => {
  appliance = await startAppliance([], {}, { agent: false })
  const { kafkaAddress } = appliance
  kafka = new Kafka({ brokers: [kafkaAddress], clientId: 'admin-test', logLevel: logLevel.NOTHING })
})

after(() => appliance?.[Symbol.asyncDispose]())

async function ask(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const token = readFileSync(join(appliance.directory, 'data', 'token'), 'utf8').trim()
  const response = await fetch(`${appliance.origin}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as Record<string, unknown> & { readonly detail?: string }
  return { status: response.status, answer }
}

async function topicNow(name: string) {
  const { topics } = await appliance.get<ClusterAnswer>('/cluster')
  return topics.find(topic => topic.name === name)
}

async function fill(topic: string, count: number): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const messages = Array.from({ length: count }, (_, index) => ({ value: `line ${index}`, partition: 0 }))
  await producer.send({ topic, messages })
  await producer.disconnect()
}

test('a topic is made, told, set, widened, cut and deleted', async () => {
  const configs = { 'retention.ms': '60000000' }
  const made = await ask('POST', '/topics', { topic: 'orders', partitions: 2, replicas: 1, configs })
  assert.deepEqual(made, { status: 200, answer: { created: 'orders' } })
  const told = await eventually(
    'the topic is told',
    () => topicNow('orders'),
    topic => topic?.retentionMs === 60_000_000 && topic.durability !== null,
  )
  assert.equal(told?.partitions.length, 2)
  assert.equal(told?.internal, false)

  const set = { set: { 'retention.bytes': '1000000' }, remove: ['retention.ms'] }
  assert.equal((await ask('POST', '/topics/orders/configs', set)).status, 200)
  const { configs: all } = await appliance.get<TopicConfigsAnswer>('/topics/orders/configs')
  const sourceOf = (name: string) => all.find(one => one.name === name)?.source
  assert.equal(sourceOf('retention.bytes'), 'topic')
  assert.notEqual(sourceOf('retention.ms'), 'topic')

  assert.equal((await ask('POST', '/topics/orders/partitions', { count: 3 })).status, 200)
  await eventually(
    'three partitions',
    () => topicNow('orders'),
    one => one?.partitions.length === 3,
  )

  await fill('orders', 10)
  const cut = await ask('POST', '/topics/orders/delete-records', { partition: 0, before: '4' })
  assert.deepEqual(cut.answer, { topic: 'orders', partition: 0, logStartOffset: '4' })
  const [first] = (await topicNow('orders'))?.partitions ?? []
  assert.deepEqual([first?.logStartOffset, first?.highWatermark], ['4', '10'])

  assert.equal((await ask('DELETE', '/topics/orders')).status, 200)
  await eventually(
    'the topic is gone',
    () => topicNow('orders'),
    topic => topic === undefined,
  )
})

test('what brokers refuse comes with their reason', async () => {
  const twice = await ask('POST', '/topics', { topic: 'logs' })
  assert.equal(twice.status, 409)
  assert.match(String(twice.answer.detail), /Topic "logs": /)
  assert.equal((await ask('POST', '/topics', { topic: 'no spaces here' })).status, 400)
  assert.equal((await ask('POST', '/topics/logs/partitions', { count: 1 })).status, 400)
  assert.equal((await ask('POST', '/topics/logs/configs', { set: { 'no.such': '1' } })).status, 400)
  assert.equal(
    (await ask('POST', '/topics/none/delete-records', { partition: 0, before: 'end' })).status,
    404,
  )
  assert.equal((await ask('POST', '/topics/logs/delete-records', { partition: 0, before: '99' })).status, 400)
  assert.equal((await ask('DELETE', '/topics/none')).status, 404)
  assert.equal((await ask('POST', '/topics', { topic: 'x', colour: 'red' })).status, 400)
  assert.equal((await ask('POST', '/cluster/elect')).status, 200)
})

test('a page elsewhere and whoever is not signed in change nothing', async () => {
  const elsewhere = await ask('POST', '/topics', { topic: 'evil' }, { origin: 'https://evil.example' })
  assert.equal(elsewhere.status, 403)
  const stranger = await ask('POST', '/topics', { topic: 'evil' }, { authorization: 'Bearer nothing' })
  assert.equal(stranger.status, 401)
  assert.equal(await topicNow('evil'), undefined)
})

test('a group is refused a reset while it reads, then reset and forgotten', async () => {
  await ask('POST', '/topics', { topic: 'events', partitions: 1 })
  await fill('events', 20)
  const consumer = kafka.consumer({ groupId: 'readers', sessionTimeout: 6_000 })
  await consumer.connect()
  await consumer.subscribe({ topics: ['events'], fromBeginning: true })
  const { promise: read, resolve } = Promise.withResolvers<void>()
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (message.offset === '19') resolve()
    },
  })
  await read
  const active = await ask('POST', '/groups/readers/reset', { to: 'earliest' })
  assert.equal(active.status, 409)
  assert.match(String(active.answer.detail), /is read by admin-test on .* Stop them first\./)
  const { members } = await appliance.get<GroupAnswer>('/groups/readers')
  assert.deepEqual(members[0]?.partitions, ['events-0'])
  await consumer.disconnect()

  const dry = await ask('POST', '/groups/readers/reset', { to: 'earliest', dryRun: true })
  const move = { topic: 'events', partition: 0, from: '20', to: '0' }
  assert.deepEqual(dry.answer, { group: 'readers', dryRun: true, moves: [move] })
  const reset = await ask('POST', '/groups/readers/reset', { topic: 'events', to: { offset: '7' } })
  assert.deepEqual((reset.answer as unknown as GroupResetAnswer).moves, [{ ...move, to: '7' }])
  const { groups } = await eventually(
    'the group is behind',
    () => appliance.get<GroupsAnswer>('/groups'),
    answer => answer.groups.find(({ group }) => group === 'readers')?.lag === 13,
  )
  assert.equal(groups.find(({ group }) => group === 'readers')?.topics[0]?.partitions[0]?.offset, '7')
  const late = await ask('POST', '/groups/readers/reset', { to: { time: '2030-01-01T00:00:00Z' } })
  assert.deepEqual((late.answer as unknown as GroupResetAnswer).moves, [{ ...move, from: '7', to: '20' }])

  assert.equal((await ask('DELETE', '/groups/readers')).status, 200)
  const again = await ask('POST', '/groups/readers/reset', { to: 'earliest' })
  assert.equal(again.status, 409)
  assert.match(String(again.answer.detail), /committed nothing/)
})
