// Which of thousands of seen exchanges are worth keeping: for each API and version the fullest answer two clients
// got, and for Produce and Fetch one of each codec a client speaks; of a scene each step, which its client id
// names.
import { type AnyApi, apiByKey } from '../../broker/protocol/apis.ts'
import type { Exchange } from '../../fixtures/wire.ts'
import type { SeenExchange } from './proxy.ts'

/** Of one API and version, codecs apart. More clients say the same once more. */
const clientsEach = 2
/** Larger frames hold more of the same. */
const bytesMax = 4_096
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const magicAt = 16
const attributesAt = 21
const batchHeaderBytes = 61
const clientIdAt = 12
const stepPrefix = 'golden.'
const followerName = 'kafka-follower'
const replicaApis: ReadonlySet<string> = new Set([
  'DescribeLogDirs',
  'ElectLeaders',
  'AlterPartitionReassignments',
  'ListPartitionReassignments',
])
/** Recorded by the scene of administration alone. */
const administrationApis: ReadonlySet<string> = new Set([
  'SaslHandshake',
  'SaslAuthenticate',
  'DeleteRecords',
  'DescribeAcls',
  'CreateAcls',
  'DeleteAcls',
  'AlterConfigs',
  'CreatePartitions',
  'DeleteGroups',
  'IncrementalAlterConfigs',
  'OffsetDelete',
  'DescribeUserScramCredentials',
  'AlterUserScramCredentials',
  'DescribeProducers',
  'UnregisterBroker',
  'ListConfigResources',
])
/** Steps of the same scene in APIs that others record too. */
const administrationSteps = /^(static-|no-such-group$)/
/** How Kafka's own brokers call themselves when they fetch from a leader. */
const followerPattern = /^broker-\d+-fetcher-/

export function choose(seen: readonly SeenExchange[], broker: string): Exchange[] {
  const best = new Map<string, Exchange>()
  for (const one of seen) {
    const exchange = describe(one, broker)
    if (!exchange) continue
    const { api, version, client, variant } = exchange
    const key = [api, version, client, variant].join(' ')
    const rival = best.get(key)
    if (!rival || value(exchange) > value(rival)) best.set(key, exchange)
  }
  const clients = new Map<string, string[]>()
  const kept: Exchange[] = []
  // In the order in which clients ran, which puts the walk through old versions last, as a filler of gaps.
  for (const exchange of best.values()) {
    const key = `${exchange.api} ${exchange.version}`
    const there = clients.get(key) ?? []
    const codecOfNewVersion = exchange.variant !== '' && !exchange.client.startsWith('franz-go-old')
    if (!there.includes(exchange.client)) {
      const limit = exchange.client.startsWith('franz-go-old') ? 1 : clientsEach
      if (there.length >= limit && !codecOfNewVersion) continue
      clients.set(key, [...there, exchange.client])
    }
    kept.push(exchange)
  }
  return kept
}

/** What changes topics, groups, users and rights, and who logs in. */
export function isAboutAdministration({ api, variant }: Exchange): boolean {
  return administrationApis.has(api) || administrationSteps.test(variant)
}

/** What is about replicas: the APIs of nothing else, steps of scenes, and brokers as followers. */
export function isAboutReplicas(exchange: Exchange): boolean {
  const { api, client, variant } = exchange
  if (isAboutAdministration(exchange)) return false
  return replicaApis.has(api) || client.startsWith(followerName) || isStep(variant)
}

function isStep(variant: string): boolean {
  return variant !== '' && !(codecs as readonly string[]).includes(variant)
}

function describe(seen: SeenExchange, broker: string): Exchange | null {
  const api = apiByKey(seen.apiKey)
  const { version, request, response } = seen
  if (!api || !response) return null
  const clientId = request.toString('utf8', clientIdAt + 2, clientIdAt + 2 + request.readInt16BE(clientIdAt))
  const isFollower = followerPattern.test(clientId)
  const client = isFollower ? `${followerName} ${broker.split(' ').at(-1)}` : seen.client
  const isOfScene = clientId.startsWith(stepPrefix) && api.name !== 'ApiVersions' && api.name !== 'Metadata'
  const variant = isOfScene ? clientId.slice(stepPrefix.length) : codecOf(api, request, response)
  return { api: api.name, version, client, broker, variant, request, response }
}

/** Full is better than empty, but what is too large comes last. */
function value({ request, response }: Exchange): number {
  const bytes = request.length + response.length
  return bytes <= bytesMax ? bytes : -bytes
}

/**
 * The codec of the first record batch in sight, for Produce and Fetch. Found by its look, not by the schema: a
 * batch says its own length, has magic 2 and one of five codecs, and ends within the frame.
 */
function codecOf(api: AnyApi, request: Buffer, response: Buffer): string {
  if (api.name !== 'Produce' && api.name !== 'Fetch') return ''
  const bytes = api.name === 'Produce' ? request : response
  for (let at = 4; at + batchHeaderBytes <= bytes.length; at++) {
    const length = bytes.readInt32BE(at + 8)
    const looksRight =
      bytes[at + magicAt] === 2 &&
      bytes.readInt32BE(at) === 0 &&
      length > 49 &&
      at + 12 + length <= bytes.length
    if (looksRight) return codecs[bytes.readInt16BE(at + attributesAt) & 7] ?? ''
  }
  return ''
}
