// What a real Kafka answered about replicas, asked of three brokers of ours in the same state: which error, for which
// partition, in which shape. Texts, sizes and paths are ours to choose; where else we differ, the reason is written.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type AnyApi, apis } from '../../broker/protocol/apis.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import type { Encodable } from '../../broker/protocol/fields.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse } from '../../broker/protocol/frame.ts'
import { type Exchange, exchangeFileName, readExchanges } from '../../fixtures/wire.ts'
import { isAboutReplicas } from '../../scripts/golden/selection.ts'
import { batch } from '../clients/served-broker.ts'
import { WireClient } from '../clients/wire-client.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'

const lengthPrefixBytes = 4
/** Whose log directory it is. */
const asked = 1
const comesAndGoes = 3
const replicated = 'golden-replicated'
const lone = 'golden-lone'
const topics = [
  {
    name: replicated,
    replicas: [
      [1, 2, 3],
      [2, 3, 1],
      [3, 1, 2],
    ],
  },
  { name: lone, replicas: [[3]] },
  { name: 'golden-moving', replicas: [[1]] },
]
/** The order in which the recorded client took its steps (scripts/golden/replication.go). */
const scenes = {
  whole: [
    ...[
      'all',
      'named',
      'not-needed',
      'unknown-topic',
      'unknown-partition',
      'everything',
      'unclean-not-needed',
    ],
    ...[
      'unknown-type',
      'no-replicas',
      'twice-the-same',
      'unknown-broker',
      'negative-broker',
      'none-in-progress',
    ],
    ...[
      'cancel-unknown-topic',
      'as-it-is',
      'other-factor',
      'same-factor',
      'none',
      'named-none',
      'by-a-replica',
    ],
    ...['by-an-earlier-life', 'by-no-replica'],
  ],
  without3: [
    ...[
      'preferred-not-available',
      'everything-without-3',
      'none-eligible',
      'begin',
      'moving',
      'named-moving',
    ],
    ...['cancel', 'cancelled', 'begin-same-factor', 'replacing', 'cancel-replacing'],
  ],
  returned: ['elected', 'elected-already'],
} as const
/** Ours to choose. */
const ownFields: ReadonlySet<string> = new Set([
  'errorMessage',
  'partitionSize',
  'logDir',
  'totalBytes',
  'usableBytes',
])
/** Followers are the brokers themselves, by the credentials they log in with: nobody else may claim to be one. */
const ownErrors: Readonly<Record<string, number>> = {
  'by-an-earlier-life': errorCodes.topicAuthorizationFailed,
  'by-no-replica': errorCodes.topicAuthorizationFailed,
}

const recorded = readExchanges()
  .map(({ exchange }) => exchange)
  .filter(isAboutReplicas)
let cluster: BrokerCluster
let client: WireClient

before(async () => {
  cluster = await BrokerCluster.start(3, [])
  client = await toBrokerAsked()
  const created = topics.map(({ name, replicas }) => ({
    name,
    numPartitions: -1,
    replicationFactor: -1,
    assignments: replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
  }))
  await client.request(apis.createTopics, 7, { topics: created, timeoutMs: 10_000 })
  await inSync(3)
  const partitionData = [{ index: 0, records: batch('GET /products/1 200') }]
  for (const _ of [1, 2])
    await client.request(apis.produce, 8, {
      acks: -1,
      timeoutMs: 5_000,
      topicData: [{ name: replicated, partitionData }],
    })
})
after(async () => {
  client?.[Symbol.dispose]()
  await cluster?.[Symbol.asyncDispose]()
})

test('with three brokers', () => playAll(scenes.whole))

test('with one of them down', async () => {
  await cluster.stopOne(comesAndGoes, 'SIGTERM')
  await inSync(2)
  await playAll(scenes.without3)
})

test('and back again', async () => {
  await cluster.startOne(comesAndGoes)
  await inSync(3)
  await playAll(scenes.returned)
})

test('every recorded step is played', () => {
  const known = new Set<string>(Object.values(scenes).flat())
  const unplayed = recorded.filter(exchange => isStep(exchange) && !known.has(exchange.variant))
  assert.deepEqual(unplayed.map(exchangeFileName), [])
})

async function toBrokerAsked(): Promise<WireClient> {
  using any = await WireClient.connect(Number(cluster.addresses[0]!.split(':')[1]))
  const { brokers } = await any.request(apis.metadata, 12, { topics: [] })
  return WireClient.connect(brokers.find(({ nodeId }) => nodeId === asked)!.port)
}

function isStep({ variant }: Exchange): boolean {
  return variant !== '' && !['none', 'gzip', 'snappy', 'lz4', 'zstd'].includes(variant)
}

/** Version after version, each in the order of the scene: a later step undoes what an earlier one has done. */
async function playAll(steps: readonly string[]): Promise<void> {
  const versions = [...new Set(recorded.map(({ version }) => version))].sort((one, other) => one - other)
  for (const version of versions) {
    for (const step of steps) {
      const ofStep = recorded.filter(one => one.variant === step && isStep(one))
      for (const exchange of ofStep) if (isDue(exchange, version)) await play(exchange)
    }
  }
}

/** There is one version of the list, which is looked at beside each of the others. */
function isDue({ api, version, variant }: Exchange, now: number): boolean {
  if (api !== 'ListPartitionReassignments') return version === now
  return variant === 'replacing' ? now === 1 : now <= 1
}

async function play(exchange: Exchange): Promise<void> {
  const { version, variant } = exchange
  const api = Object.values(apis).find(({ name }) => name === exchange.api) as AnyApi
  const header = decodeRequestHeader(exchange.request.subarray(lengthPrefixBytes))
  const request = decodeRequest(exchange.request.subarray(lengthPrefixBytes), header, api)
  const kafkas = decodeResponse(exchange.response.subarray(lengthPrefixBytes), api, version)
  const body = exchange.api === 'Fetch' ? await withTopicId(request) : request
  const ours = await client.request(api, version, body as Encodable<AnyApi['request']>)
  const own = ownErrors[variant]
  if (own === undefined)
    assert.deepEqual(comparable(ours), comparable(kafkas), `${exchange.api} v${version}, ${variant}`)
  else assert.equal((ours as FetchAnswer).responses[0]!.partitions[0]!.errorCode, own, variant)
}

interface FetchAnswer {
  readonly responses: readonly { readonly partitions: readonly { readonly errorCode: number }[] }[]
}

async function withTopicId(request: object): Promise<object> {
  const { topics: described } = await client.request(apis.metadata, 12, { topics: [{ name: replicated }] })
  const topicId = described[0]!.topicId
  return {
    ...request,
    topics: (request as { topics: object[] }).topics.map(topic => ({ ...topic, topicId })),
  }
}

/** Without what is each broker's own to say, and without topics and order that are no part of the question. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) {
    const rows = value.filter(one => !isForeign(one)).map(comparable)
    return rows.every(one => typeof one !== 'object') ? rows : rows.sort(byText)
  }
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([key]) => !ownFields.has(key))
  return Object.fromEntries(fields.map(([key, field]) => [key, comparable(field)]))
}

/** Each cluster has topics of its own beside those of the scene. */
function isForeign(row: unknown): boolean {
  const { name, topic } = (row ?? {}) as { name?: unknown; topic?: unknown }
  const named = name ?? topic
  return typeof named === 'string' && !named.startsWith('golden-')
}

function byText(one: unknown, other: unknown): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1
}

/** And the lone replica's partition led by whoever can. */
async function inSync(members: number): Promise<void> {
  const loneLeader = members === 3 ? comesAndGoes : -1
  await until(`${members} in sync`, async () => {
    const wanted = { topics: [{ name: replicated }, { name: lone }] }
    const { topics: described } = await client.request(apis.metadata, 12, wanted)
    const [partitions = [], [ofLone] = []] = described.map(topic => topic.partitions)
    const isReached = partitions.every(
      ({ isrNodes, leaderId }) => isrNodes.length === members && leaderId > 0,
    )
    return partitions.length > 0 && isReached && ofLone?.leaderId === loneLeader
  })
}
