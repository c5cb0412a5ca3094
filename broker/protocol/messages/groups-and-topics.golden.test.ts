// More whole frames written by hand from Kafka's message definitions, each byte accounted for: what round trips cannot
// show, because both directions might be wrong alike. Groups, topics, producers.
import { test } from 'node:test'
import { apis } from '../apis.ts'
import { assertRequest, assertResponse } from '../golden-frame.ts'

const topicId = 'AAECAwQFBgcICQoLDA0ODw'
const topicIdHex = '000102030405060708090a0b0c0d0e0f'

test('FindCoordinator v2 and v4: one key, then many', () => {
  assertRequest(apis.findCoordinator, 2, '000a 0002 00000005 ffff 0001 67 00', { key: 'g', keyType: 0 })
  assertRequest(apis.findCoordinator, 4, '000a 0004 00000005 ffff 00 00 02 02 67 00', {
    coordinatorKeys: ['g'],
  })
})

test('JoinGroup v5 and v6 response: the leader learns of a member', () => {
  const body = {
    generationId: 1,
    protocolName: 'range',
    leader: 'a',
    memberId: 'a',
    members: [{ memberId: 'a', groupInstanceId: null, metadata: Buffer.from([1, 2]) }],
  }
  const classic = `
    00000006 00000000 0000 00000001
    0005 72616e6765 0001 61 0001 61
    00000001 0001 61 ffff 00000002 0102
  `
  const flexible = `
    00000006 00 00000000 0000 00000001
    06 72616e6765 02 61 02 61
    02 02 61 00 03 0102 00
    00
  `
  assertResponse(apis.joinGroup, 5, classic, body)
  assertResponse(apis.joinGroup, 6, flexible, body)
})

test('OffsetFetch v7 and v8 request: fields move under groups', () => {
  const one = '0009 0007 00000007 ffff 00 02 67 00 01 00'
  assertRequest(apis.offsetFetch, 7, one, { groupId: 'g', topics: null, requireStable: true })
  const many = '0009 0008 00000007 ffff 00 02 02 67 00 00 01 00'
  assertRequest(apis.offsetFetch, 8, many, { groups: [{ groupId: 'g', topics: null }], requireStable: true })
})

test('InitProducerId v1 and v4 request', () => {
  const body = { transactionalId: null, transactionTimeoutMs: 60_000 }
  assertRequest(apis.initProducerId, 1, '0016 0001 00000008 ffff ffff 0000ea60', body)
  const flexible = '0016 0004 00000008 ffff 00 00 0000ea60 ffffffffffffffff ffff 00'
  assertRequest(apis.initProducerId, 4, flexible, { ...body, producerId: -1, producerEpoch: -1 })
})

test('CreateTopics v7 response: topic id, and the tagged error of its configuration', () => {
  const frame = `
    00000009 00
    00000000
    02 05 6c6f6773 ${topicIdHex}
    0000 00                  no error, no message
    00000006 0001            6 partitions, replication factor 1
    00                       null configs
    01 00 02 001d            one tag: topicAuthorizationFailed
    00
  `
  assertResponse(apis.createTopics, 7, frame, {
    topics: [
      {
        name: 'logs',
        topicId,
        topicConfigErrorCode: 29,
        numPartitions: 6,
        replicationFactor: 1,
        configs: null,
      },
    ],
  })
})

test('DescribeCluster v0: flexible from its first version', () => {
  assertRequest(apis.describeCluster, 0, '003c 0000 0000000a ffff 00 00 00', {})
})
