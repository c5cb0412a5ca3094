// What a real Kafka answered to those who change topics, groups, users and rights, asked of a broker of ours in the
// same state: which error, for what, in which shape. Texts and ids are ours to choose; where else we differ, the reason
// is written. Log-ins cannot be played again, for every one is different: tests/clients/security.test.ts makes its own.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type AnyApi, apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import type { Encodable } from '../../broker/protocol/fields.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse } from '../../broker/protocol/frame.ts'
import { type Exchange, exchangeFileName, readExchanges } from '../../fixtures/wire.ts'
import { isAboutAdministration } from '../../scripts/golden/selection.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { worstCode } from '../clients/served-broker.ts'
import { WireClient } from '../clients/wire-client.ts'

const lengthPrefixBytes = 4
const versionMax = 9
const tuned = 'golden-tuned'
const instance = 'shelf-1'
/** The order in which the recorded client took its steps (scripts/golden/administration.go), version by version. */
const steps = [
  ...['set', 'unknown-topic', 'unknown-name', 'no-number', 'too-small', 'null-value', 'name-twice'],
  ...[
    'unknown-type',
    'only-validated',
    'only-validated-bad',
    'fixed-of-broker',
    'unknown-broker',
    'no-broker',
  ],
  ...['list-of-no-list', 'list-added', 'list-subtracted', 'removed', 'none'],
  ...['as-many', 'fewer', 'negative', 'to-absent', 'only-asked', 'too-few-assigned', 'to-unknown-broker'],
  ...['to-one-twice', 'named-twice', 'assigned', 'grown'],
  ...['forgotten', 'forgotten-already', 'of-unknown-partition', 'of-unknown-topic', 'of-unknown-group'],
  ...['of-subscribed', 'deleted', 'deleted-already', 'has-members', 'nameless', 'one-of-two'],
  ...[
    'trimmed',
    'trimmed-already',
    'beyond-the-end',
    'below-all',
    'all-there-is',
    'unknown-partition',
    'of-absent',
  ],
  ...[
    'allowed',
    'allowed-again',
    'of-nothing',
    'of-any-type',
    'by-any-pattern',
    'for-nobody',
    'other-cluster',
  ],
  ...['all-rules', 'rules-of-a-topic', 'no-rules', 'rules-deleted', 'rules-gone'],
  ...['user-made', 'too-few-iterations', 'too-many-iterations', 'unknown-mechanism', 'nameless-user', 'user'],
  ...['unknown-user', 'user-twice', 'other-mechanism', 'user-deleted', 'user-gone'],
  ...['producers', 'producers-of-unknown', 'producers-of-absent', 'not-registered', 'resources', 'brokers'],
  ...['resources-unknown', 'no-such-group', 'static-join', 'static-back', 'static-fenced', 'static-stranger'],
  ...['static-leaves-fenced', 'static-leaves-stranger', 'static-leaves'],
]
const logIns = ['logged-in', 'logged-in-512', 'wrong-password', 'stranger']
/** Ours to choose, or of the moment. */
const ownFields: ReadonlySet<string> = new Set([
  ...['errorMessage', 'memberId', 'leader', 'producerId', 'lastTimestamp'],
])

const recorded = readExchanges()
  .map(({ exchange }) => exchange)
  .filter(isAboutAdministration)
let broker: BrokerProcess
let client: WireClient

before(async () => {
  broker = await BrokerProcess.start()
  client = await WireClient.connect(broker.port)
  await newTopic(tuned)
  await joinAndSync('golden-busy', null)
})
after(async () => {
  client?.[Symbol.dispose]()
  await broker?.[Symbol.asyncDispose]()
})

for (let version = 0; version <= versionMax; version++) {
  test(`version ${version} of every API that administers`, async () => {
    const [ours, kafkas]: Answers[] = [{}, {}]
    for (const step of steps) {
      for (const exchange of recorded) {
        if (exchange.variant !== step || exchange.version !== version) continue
        const answers = await play(exchange)
        ours![`${exchange.api} ${step}`] = answers.ours
        kafkas![`${exchange.api} ${step}`] = answers.kafkas
      }
    }
    assert(Object.keys(kafkas!).length > 0)
    assert.deepEqual(ours, kafkas)
  })
}

test('the same mechanisms are offered to whoever logs in', async () => {
  const handshakes = recorded.filter(({ api }) => api === 'SaslHandshake')
  assert(handshakes.length > 0)
  for (const exchange of handshakes) {
    const { ours, kafkas } = await play(exchange)
    assert.deepEqual(ours, kafkas)
  }
})

test('every recorded step is played', () => {
  const known = new Set<string>([...steps, ...logIns])
  const unplayed = recorded.filter(({ variant }) => variant !== '' && !known.has(variant))
  assert.deepEqual(unplayed.map(exchangeFileName), [])
})

/** By API and step. */
type Answers = Record<string, unknown>

async function play(exchange: Exchange) {
  const { version, variant } = exchange
  const api = Object.values(apis).find(({ name }) => name === exchange.api) as AnyApi
  await prepare(exchange)
  const header = decodeRequestHeader(exchange.request.subarray(lengthPrefixBytes))
  const body = decodeRequest(exchange.request.subarray(lengthPrefixBytes), header, api)
  const kafkas = decodeResponse(exchange.response.subarray(lengthPrefixBytes), api, version)
  const ours = await client.request(api, version, body as Encodable<AnyApi['request']>)
  if (variant === 'static-join') await sync((body as { groupId: string }).groupId, ours as Joined, instance)
  return { ours: comparable(ours), kafkas: comparable(kafkas) }
}

/** What the recorded client did before, in steps that were not recorded. */
async function prepare({ api, version, variant }: Exchange): Promise<void> {
  if (variant === 'forgotten' || variant === 'deleted') await commit(`golden-idle-${version}`)
  if (variant === 'as-many') await newTopic(`golden-growing-${version}`)
  const isAlone = variant === 'static-fenced' || (variant === 'static-leaves-fenced' && version === 3)
  if (isAlone && api !== 'JoinGroup' && version < 5) await joinAndSync(`golden-static-${version}`, instance)
}

async function newTopic(name: string): Promise<void> {
  const topics = [{ name, numPartitions: 2, replicationFactor: 1 }]
  assert.equal(worstCode(await client.request(apis.createTopics, 7, { topics, timeoutMs: 10_000 })), 0)
  for (let sequence = 0; sequence < 4; sequence++) {
    const builder = new BatchBuilder()
    builder.append(null, Buffer.from('GET /products/1 200'), undefined, 1_700_000_000_000)
    const records = builder.build({ codec: 'none', producerId: 7, epoch: 0, sequence })
    const topicData = [{ name, partitionData: [{ index: 0, records }] }]
    const produced = await client.request(apis.produce, 8, { acks: -1, timeoutMs: 5_000, topicData })
    assert.equal(worstCode(produced), 0)
  }
}

async function commit(groupId: string): Promise<void> {
  const partitions = [0, 1].map(partitionIndex => ({ partitionIndex, committedOffset: 2 }))
  const answer = await client.request(apis.offsetCommit, 8, {
    groupId,
    topics: [{ name: tuned, partitions }],
  })
  assert.equal(worstCode(answer), 0)
}

interface Joined {
  readonly memberId: string
  readonly generationId: number
}

async function joinAndSync(groupId: string, groupInstanceId: string | null): Promise<void> {
  // Version 0, one topic, no data.
  const metadata = Buffer.from([0, 0, 0, 0, 0, 1, 0, tuned.length, ...Buffer.from(tuned), 255, 255, 255, 255])
  const times = { sessionTimeoutMs: 300_000, rebalanceTimeoutMs: 10_000 }
  const joining = { groupId, groupInstanceId, protocolType: 'consumer', ...times }
  const protocols = [{ name: 'range', metadata }]
  const version = groupInstanceId === null ? 3 : 5
  await sync(
    groupId,
    await client.request(apis.joinGroup, version, { ...joining, protocols }),
    groupInstanceId,
  )
}

async function sync(groupId: string, joined: Joined, groupInstanceId: string | null): Promise<void> {
  const { memberId, generationId } = joined
  const assignments = [{ memberId, assignment: Buffer.from('all of it') }]
  const body = { groupId, memberId, generationId, groupInstanceId, assignments }
  assert.equal((await client.request(apis.syncGroup, 3, body)).errorCode, 0)
}

/** Without what is each broker's own to say, and without topics and order that are no part of the question. */
function comparable(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (Array.isArray(value)) {
    const rows = value.filter(one => !isForeign(one)).map(comparable)
    // Numbers may mean something by their order; names of mechanisms do not.
    return rows.every(one => typeof one === 'number') ? rows : rows.sort(byText)
  }
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value)
    .filter(([key]) => !ownFields.has(key))
    .map(([key, field]) => [key, key === 'errorCode' ? comparableError(field as number) : field] as const)
  return Object.fromEntries(fields.map(([key, field]) => [key, comparable(field)]))
}

/** Where Kafka stumbles over what it was asked (unknownServerError), we say that it was asked wrong. */
function comparableError(code: number): number {
  return code === errorCodes.unknownServerError ? errorCodes.invalidRequest : code
}

/** Each broker has topics of its own beside those of the scene. */
function isForeign(row: unknown): boolean {
  const { resourceName } = (row ?? {}) as { resourceName?: unknown }
  return typeof resourceName === 'string' && resourceName.startsWith('__')
}

function byText(one: unknown, other: unknown): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1
}
