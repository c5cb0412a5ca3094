// Whole frames written by hand from Kafka's message definitions, each byte accounted for: what round trips cannot
// show, because both directions might be wrong alike. Frames from real clients live in fixtures/wire.
import { test } from 'node:test'
import { apis } from '../apis.ts'
import { assertRequest, assertResponse } from '../golden-frame.ts'

const topicId = 'AAECAwQFBgcICQoLDA0ODw'
const topicIdHex = '000102030405060708090a0b0c0d0e0f'

test('ApiVersions v0 request: a header and nothing else', () => {
  const frame = `
    0012 0000  key 18, version 0
    00000001   correlation id
    0007 72646b61666b61  client id "rdkafka"
  `
  assertRequest(apis.apiVersions, 0, frame, {})
})

test('ApiVersions v3 request: header v2, compact strings', () => {
  const frame = `
    0012 0003
    00000001
    0007 72646b61666b61  client id, still with two bytes of length
    00         no tags in the header
    0b 6c696272646b61666b61  "librdkafka"
    07 322e31352e30          "2.15.0"
    00         no tags in the body
  `
  const body = { clientSoftwareName: 'librdkafka', clientSoftwareVersion: '2.15.0' }
  assertRequest(apis.apiVersions, 3, frame, body)
})

test('ApiVersions v0 response: what every client can read', () => {
  const frame = `
    00000001
    0023       unsupportedVersion
    00000001   one API
    0012 0000 0004  ApiVersions 0 to 4
  `
  assertResponse(apis.apiVersions, 0, frame, {
    errorCode: 35,
    apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
  })
})

test('ApiVersions v3 response: flexible body behind the oldest header', () => {
  const frame = `
    00000001   correlation id, and no tag section after it
    0000
    03         two APIs
    0000 0000 000d 00   Produce 0 to 13
    0012 0000 0004 00   ApiVersions 0 to 4
    00000000   throttle time
    00
  `
  assertResponse(apis.apiVersions, 3, frame, {
    errorCode: 0,
    apiKeys: [
      { apiKey: 0, minVersion: 0, maxVersion: 13 },
      { apiKey: 18, minVersion: 0, maxVersion: 4 },
    ],
  })
})

test('Metadata v1 request: null topics are four bytes of minus one', () => {
  const frame = `
    0003 0001 00000002 ffff
    ffffffff   all topics
  `
  assertRequest(apis.metadata, 1, frame, { topics: null })
})

test('Metadata v9 request: one topic by name', () => {
  const frame = `
    0003 0009 00000002 0001 63 00
    02         one topic
    05 6c6f6773 00  "logs"
    01         may be created
    00 00      no authorized operations, of cluster or topics
    00
  `
  assertRequest(apis.metadata, 9, frame, { topics: [{ name: 'logs' }], allowAutoTopicCreation: true })
})

test('Metadata v9 response: a broker and a topic of one partition', () => {
  const frame = `
    00000002 00
    00000000   throttle time
    02         one broker
    00000001 0a 3132372e302e302e31 00002384 00 00   1, "127.0.0.1", 9092, no rack
    02 63      cluster id "c"
    00000001   controller
    02         one topic
    0000 05 6c6f6773 00   no error, "logs", not internal
    02         one partition
    0000 00000000 00000001 00000003   no error, 0, leader 1, leader epoch 3
    02 00000001           replicas
    02 00000001           in sync
    01                    none offline
    00
    80000000 00           authorized operations of the topic were not asked for
    80000000              nor of the cluster
    00
  `
  assertResponse(apis.metadata, 9, frame, {
    brokers: [{ nodeId: 1, host: '127.0.0.1', port: 9092, rack: null }],
    clusterId: 'c',
    controllerId: 1,
    topics: [
      {
        errorCode: 0,
        name: 'logs',
        isInternal: false,
        partitions: [
          {
            partitionIndex: 0,
            leaderId: 1,
            leaderEpoch: 3,
            replicaNodes: [1],
            isrNodes: [1],
            offlineReplicas: [],
          },
        ],
      },
    ],
  })
})

test('Metadata v12 request: one topic by id', () => {
  const frame = `
    0003 000c 00000002 ffff 00
    02
    ${topicIdHex} 00 00   id, null name
    00 00      not to be created, no authorized operations
    00
  `
  const body = { topics: [{ topicId, name: null }], allowAutoTopicCreation: false }
  assertRequest(apis.metadata, 12, frame, body)
})

test('Produce v3 request: classic lengths', () => {
  const frame = `
    0000 0003 00000003 0001 70
    ffff       no transactional id
    ffff       acks of all
    00007530   30 s
    00000001 0004 6c6f6773   one topic, "logs"
    00000001 00000002        one partition, 2
    00000003 aabbcc          records
  `
  assertRequest(apis.produce, 3, frame, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: 'logs', partitionData: [{ index: 2, records: Buffer.from('aabbcc', 'hex') }] }],
  })
})

test('Produce v9 request: flexible, records with a compact length', () => {
  const frame = `
    0000 0009 00000003 0001 70 00
    00         no transactional id
    0001       acks of the leader
    000005dc   1.5 s
    02 05 6c6f6773           one topic, "logs"
    02 00000002              one partition, 2
    04 aabbcc                records
    00 00 00                 ends of partition, topic, request
  `
  assertRequest(apis.produce, 9, frame, {
    acks: 1,
    timeoutMs: 1500,
    topicData: [{ name: 'logs', partitionData: [{ index: 2, records: Buffer.from('aabbcc', 'hex') }] }],
  })
})

test('Produce v13 request: the topic by id', () => {
  const frame = `
    0000 000d 00000003 ffff 00
    00 ffff 000005dc
    02 ${topicIdHex}
    02 00000000 02 aa
    00 00 00
  `
  const partitionData = [{ index: 0, records: Buffer.from('aa', 'hex') }]
  assertRequest(apis.produce, 13, frame, {
    acks: -1,
    timeoutMs: 1500,
    topicData: [{ topicId, partitionData }],
  })
})

test('Produce v10 response: the new leader beside notLeaderOrFollower', () => {
  const frame = `
    00000003 00
    02 05 6c6f6773
    02 00000002 0006         partition 2: notLeaderOrFollower
    ffffffffffffffff         no base offset
    ffffffffffffffff         create time
    0000000000000000         log start offset
    01 00                    no record errors, no message
    01                       one tag: the current leader
    00 09 00000002 00000007 00
    00                       end of topic
    00000000                 throttle time
    01                       one tag: the leaders' addresses
    00 0d 02 00000002 02 68 00002385 00 00
  `
  assertResponse(apis.produce, 10, frame, {
    responses: [
      {
        name: 'logs',
        partitionResponses: [
          {
            index: 2,
            errorCode: 6,
            baseOffset: -1,
            logStartOffset: 0,
            currentLeader: { leaderId: 2, leaderEpoch: 7 },
          },
        ],
      },
    ],
    nodeEndpoints: [{ nodeId: 2, host: 'h', port: 9093, rack: null }],
  })
})

test('Fetch v4 request: a consumer of the first generation', () => {
  const frame = `
    0001 0004 00000004 0001 63
    ffffffff 000001f4 00000001 00100000 00   consumer, 500 ms, 1 byte, 1 MiB, uncommitted
    00000001 0004 6c6f6773
    00000001 00000000 0000000000000005 00100000   partition 0 from 5, 1 MiB
  `
  assertRequest(apis.fetch, 4, frame, {
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 1 << 20,
    topics: [{ topic: 'logs', partitions: [{ partition: 0, fetchOffset: 5, partitionMaxBytes: 1 << 20 }] }],
  })
})

test('Fetch v17 request: topic ids, and a follower in the tagged replica state', () => {
  const frame = `
    0001 0011 00000004 ffff 00
    000001f4 00000001 7fffffff 00
    00000000 ffffffff                        no session
    02 ${topicIdHex}
    02 00000000 00000003 0000000000000005 00000002 0000000000000001 00100000
    00 00                                    ends of partition and topic
    01                                       nothing forgotten
    01                                       no rack
    01                                       one tag
    01 0d 00000002 0000000000000009 00       replica 2 of epoch 9
  `
  assertRequest(apis.fetch, 17, frame, {
    replicaState: { replicaId: 2, replicaEpoch: 9 },
    maxWaitMs: 500,
    minBytes: 1,
    topics: [
      {
        topicId,
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: 3,
            fetchOffset: 5,
            lastFetchedEpoch: 2,
            logStartOffset: 1,
            partitionMaxBytes: 1 << 20,
          },
        ],
      },
    ],
  })
})

test('Fetch v12 response: records, and what is not there written as nothing', () => {
  const frame = `
    00000004 00
    00000000 0000 00000000                   no throttle, no error, no session
    02 05 6c6f6773
    02 00000000 0000                         partition 0
    0000000000000009 0000000000000009 0000000000000000   high watermark, last stable, log start
    00                                       null aborted transactions
    ffffffff                                 no preferred replica
    03 aabb                                  records
    00 00 00                                 ends of partition, topic, response
  `
  assertResponse(apis.fetch, 12, frame, {
    responses: [
      {
        topic: 'logs',
        partitions: [
          {
            partitionIndex: 0,
            highWatermark: 9,
            lastStableOffset: 9,
            logStartOffset: 0,
            abortedTransactions: null,
            records: Buffer.from('aabb', 'hex'),
          },
        ],
      },
    ],
  })
})
