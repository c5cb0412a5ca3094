// What real clients sent and a real Kafka answered, in fixtures/wire: every frame is read by our protocol and
// written again byte for byte. Prints which versions of which API are covered, and fails when one gets lost.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyApi, apis, everyVersion } from '../../broker/protocol/apis.ts'
import { Writer } from '../../broker/protocol/bytes.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  framePieces,
} from '../../broker/protocol/frame.ts'
import { type Exchange, exchangeFileName, readExchanges } from '../../fixtures/wire.ts'

const lengthPrefixBytes = 4
/** A version that nobody we could run speaks to a real broker. */
const missingMax = 0
const exchanges = readExchanges()

function apiOf(exchange: Exchange): AnyApi {
  const api = Object.values(apis).find(({ name }) => name === exchange.api)
  assert(api, `no API is named ${exchange.api}`)
  return api
}

function written(encode: (writer: Writer) => void): Buffer {
  const writer = new Writer()
  encode(writer)
  return Buffer.concat(framePieces(writer) as Buffer[])
}

const inRange = ({ exchange }: { exchange: Exchange }) => {
  const [oldest, newest] = apiOf(exchange).accepted
  return exchange.version >= oldest && exchange.version <= newest
}

for (const { file, exchange } of exchanges.filter(inRange)) {
  test(`${file} is read and written again byte for byte`, () => {
    const api = apiOf(exchange)
    const { version } = exchange
    assert.equal(file, exchangeFileName(exchange))

    const header = decodeRequestHeader(exchange.request.subarray(lengthPrefixBytes))
    assert.deepEqual([header.apiKey, header.apiVersion], [api.key, version])
    const request = decodeRequest(exchange.request.subarray(lengthPrefixBytes), header, api)
    const requestAgain = written(writer =>
      encodeRequest(writer, api, version, header.correlationId, header.clientId, request),
    )
    assert.equal(requestAgain.toString('hex'), exchange.request.toString('hex'), 'request')

    const response = decodeResponse(exchange.response.subarray(lengthPrefixBytes), api, version)
    const responseAgain = written(writer =>
      encodeResponse(writer, api, version, header.correlationId, response),
    )
    assert.equal(responseAgain.toString('hex'), exchange.response.toString('hex'), 'response')
  })
}

test('A client newer than the broker is told the versions in the oldest form, with error 35', () => {
  const newer = exchanges.filter(one => !inRange(one))
  assert(newer.length > 0)
  for (const { exchange } of newer) {
    assert.equal(exchange.api, 'ApiVersions')
    const header = decodeRequestHeader(exchange.request.subarray(lengthPrefixBytes))
    assert.equal(header.apiVersion, exchange.version)
    const answer = decodeResponse(exchange.response.subarray(lengthPrefixBytes), apis.apiVersions, 0)
    assert.equal(answer.errorCode, errorCodes.unsupportedVersion)
    const again = written(writer => encodeResponse(writer, apis.apiVersions, 0, header.correlationId, answer))
    assert.equal(again.toString('hex'), exchange.response.toString('hex'))
  }
})

test('Every codec was recorded in both directions', () => {
  for (const api of ['Produce', 'Fetch']) {
    const variants = new Set(exchanges.map(({ exchange }) => (exchange.api === api ? exchange.variant : '')))
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
      assert(variants.has(codec), `${api} ${codec}`)
  }
})

test('Brokers following brokers were recorded, and what is asked about replicas with its errors', () => {
  const variants = new Set(exchanges.map(({ exchange: { api, variant } }) => `${api} ${variant}`))
  for (const step of [
    'ElectLeaders not-needed',
    'ElectLeaders preferred-not-available',
    'ElectLeaders elected',
    'AlterPartitionReassignments unknown-topic',
    'AlterPartitionReassignments unknown-broker',
    'AlterPartitionReassignments none-in-progress',
    'AlterPartitionReassignments begin',
    'ListPartitionReassignments moving',
    'DescribeLogDirs unknown-topic',
    'OffsetForLeaderEpoch by-a-replica',
  ])
    assert(variants.has(step), step)
  assert(exchanges.some(({ exchange }) => exchange.client.startsWith('kafka-follower ')))
})

test('Recorded exchanges cover the accepted versions', context => {
  const clients = new Map<string, string[]>()
  for (const { exchange } of exchanges) {
    const key = `${exchange.api} ${exchange.version}`
    clients.set(key, [...(clients.get(key) ?? []), exchange.client.split(' ')[0]!])
  }
  const missing: string[] = []
  const rows = new Map<string, string>()
  for (const { api, version } of everyVersion()) {
    const count = clients.get(`${api.name} ${version}`)?.length ?? 0
    if (count === 0) missing.push(`${api.name} v${version}`)
    rows.set(api.name, `${rows.get(api.name) ?? ''}${version}:${count === 0 ? '-' : count} `)
  }
  const width = Math.max(...[...rows.keys()].map(name => name.length))
  for (const [name, cells] of rows) context.diagnostic(`${name.padEnd(width)}  ${cells}`)
  const total = [...everyVersion()].length
  context.diagnostic(
    `${total - missing.length} of ${total} versions; without: ${missing.join(', ') || 'none'}`,
  )
  assert(missing.length <= missingMax, `not recorded: ${missing.join(', ')}`)
})
