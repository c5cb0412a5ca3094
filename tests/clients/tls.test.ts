// The port as it looks from elsewhere: TLS with SCRAM, PLAIN or a certificate, by the clients people have. Addresses
// are those of the listener, certificates are changed under way, and what is refused is refused by its proper name.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import {
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import { Connection } from '../../broker/client/connection.ts'
import { logIn, passwordLogin } from '../../broker/client/login.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { type CertificateFiles, ensureCertificates, issueClientCertificate } from '../../cli/certificates.ts'
import { addUser, grant } from '../../cli/users.ts'
import { until } from '../eventually.ts'
import { BrokerProcess } from './broker-process.ts'
import { topic, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const host = 'localhost'
const password = 'lovelace'
const connectionsMaxReauthMs = 3_600_000
const directory = await mkdtemp(join(tmpdir(), 'tailrace-tls-'))
const files = await ensureCertificates(directory, [host], Date.now())
const ca = await readFile(files.ca, 'utf8')
let broker: BrokerProcess
let port = 0

before(async () => {
  const { server, ca: clientAuthority } = files
  const listener = { name: 'TLS', host: '127.0.0.1', port: 0, advertisedHost: host }
  const listeners = [{ ...listener, certificate: server, key: server, clientAuthority }]
  broker = await BrokerProcess.start(
    [
      { name: topic, partitions: 1 },
      { name: 'other', partitions: 1 },
    ],
    { listeners, connectionsMaxReauthMs },
  )
  port = broker.ports['TLS']!
  using client = await WireClient.connect(broker.port)
  const asker: Parameters<typeof addUser>[0] = {
    request: (api, body) => client.request(api, api.accepted[1], body),
  }
  const both = (['produce', 'consume'] as const).map(role => ({ role, topic, group: '*' }))
  await addUser(asker, { name: 'ada', password }, both)
  await grant(asker, 'CN=bob', both)
})

after(async () => {
  await broker[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function reach(more: Partial<Parameters<typeof Connection.open>[0]> = {}): Promise<Connection> {
  return Connection.open({ host, port, clientId: 'test', tls: { ca }, ...more })
}

function kafkajs(more: Partial<KafkaConfig>): Kafka {
  const retry = { retries: 2, initialRetryTime: 50 }
  return new Kafka({ brokers: [`${host}:${port}`], ssl: { ca }, logLevel: logLevel.NOTHING, retry, ...more })
}

async function throughKafkajs(kafka: Kafka, groupId: string): Promise<void> {
  const [producer, consumer] = [kafka.producer(), kafka.consumer({ groupId })]
  await producer.connect()
  await producer.send({ topic, messages: [{ value: groupId }] })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const { promise, resolve } = Promise.withResolvers<void>()
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (String(message.value) === groupId) resolve()
    },
  })
  await promise
  await Promise.all([producer.disconnect(), consumer.disconnect()])
}

test('kafkajs: SCRAM-SHA-512 over TLS, produce and a group; a topic of others is denied by name', async () => {
  const kafka = kafkajs({ sasl: { mechanism: 'scram-sha-512', username: 'ada', password } })
  await throughKafkajs(kafka, 'kafkajs')
  const producer = kafka.producer()
  await producer.connect()
  await assert.rejects(producer.send({ topic: 'other', messages: [{ value: 'x' }] }), {
    message: /Topic authorization failed/,
  })
  await producer.disconnect()
})

test('kafkajs: PLAIN over TLS; a wrong password is said to be one', async () => {
  await throughKafkajs(kafkajs({ sasl: { mechanism: 'plain', username: 'ada', password } }), 'plain')
  const admin = kafkajs({ sasl: { mechanism: 'plain', username: 'ada', password: 'x' } }).admin()
  await assert.rejects(admin.connect(), /invalid credentials/)
})

test('kafkajs: a client certificate instead of a password', async () => {
  const { certificate: cert, key } = await issueClientCertificate(directory, 'bob', Date.now())
  await throughKafkajs(kafkajs({ ssl: { ca, cert, key } }), 'mtls')
})

test('@platformatic/kafka: SCRAM-SHA-256 over TLS', async () => {
  const sasl = { mechanism: 'SCRAM-SHA-256' as const, username: 'ada', password }
  const options = {
    clientId: 'platformatic',
    bootstrapBrokers: [`${host}:${port}`],
    tls: { ca },
    sasl,
    retries: 2,
  }
  const producer = new Producer({ ...options, serializers: stringSerializers })
  await producer.send({ messages: [{ topic, value: 'platformatic' }], acks: -1 })
  await producer.close()
  const consumer = new Consumer({ ...options, groupId: 'platformatic', deserializers: stringDeserializers })
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.EARLIEST,
    maxWaitTime: 100,
  })
  for await (const { value } of stream) if (value === 'platformatic') break
  await consumer.close(true)
})

const hasKcat = spawnSync('kcat', ['-V']).status === 0

test('kcat: SCRAM-SHA-512 over TLS; without rights it says so', {
  skip: !hasKcat && 'kcat is not installed',
}, async () => {
  const produced = await kcat(['-P', '-t', topic], 'from kcat\n')
  assert.equal(produced.code, 0, produced.errors)
  const consumed = await kcat(['-C', '-q', '-e', '-t', topic, '-o', 'beginning'])
  assert(consumed.output.includes('from kcat\n'), consumed.errors)
  const refused = await kcat(['-P', '-t', 'other', '-X', 'topic.message.timeout.ms=1500'], 'x\n')
  assert.match(refused.errors, /authorization failed/i)
})

async function kcat(args: readonly string[], input = '') {
  const settings = {
    'security.protocol': 'SASL_SSL',
    'sasl.mechanisms': 'SCRAM-SHA-512',
    'sasl.username': 'ada',
    'sasl.password': password,
    'ssl.ca.location': files.ca,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-X', `${name}=${value}`])
  const child = spawn('kcat', ['-b', `${host}:${port}`, ...flags, ...args], { stdio: 'pipe' })
  child.stdin.end(input)
  const text = (stream: AsyncIterable<Buffer>) =>
    Array.fromAsync(stream).then(chunks => Buffer.concat(chunks).toString())
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { output, errors, code }
}

test('who comes by TLS is told addresses of TLS, who comes by the plain port those of the plain one', async () => {
  using plain = await WireClient.connect(broker.port)
  const tls = await reach({ login: passwordLogin('ada', password) })
  for (const [ask, expected] of [
    [(api: typeof apis.metadata) => tls.request(api, { topics: null }), `${host}:${port}`],
    [(api: typeof apis.metadata) => plain.request(api, 12, { topics: null }), `127.0.0.1:${broker.port}`],
  ] as const) {
    const { brokers } = await ask(apis.metadata)
    assert.deepEqual(
      brokers.map(one => `${one.host}:${one.port}`),
      [expected],
    )
  }
  const found = await tls.request(apis.findCoordinator, { coordinatorKeys: ['g'] })
  assert.deepEqual([found.coordinators[0]!.host, found.coordinators[0]!.port], [host, port])
  const described = await tls.request(apis.describeCluster, {})
  assert.deepEqual([described.brokers[0]!.host, described.brokers[0]!.port], [host, port])
  tls.close()
})

test('before it says who it is a client may ask for nothing, not even from this machine', async () => {
  const stranger = await reach()
  await assert.rejects(stranger.request(apis.metadata, { topics: null }), /the broker closed the connection/)
  assert(broker.logLines.some(({ reason }) => reason?.includes('asked for before authentication')))
})

test('a client is told how long its session lasts, and a broker that its own lasts for ever', async () => {
  const login = passwordLogin('ada', password)
  const user = await reach({ login })
  assert.equal(await logIn(user, login, 5_000), connectionsMaxReauthMs)
  const secret = (await readFile(join(broker.directory, 'cluster-secret'), 'utf8')).trim()
  const one = passwordLogin('tailrace', secret, 'SCRAM-SHA-256')
  const peer = await reach({ login: one })
  assert.equal(await logIn(peer, one, 5_000), 0)
  user.close()
  peer.close()
})

test('the pinned fingerprint of the authority does for a client; another one is refused', async () => {
  const { fingerprint: caFingerprint } = files
  const login = passwordLogin('ada', password)
  const pinned = await reach({ tls: { caFingerprint }, login })
  assert.equal((await pinned.request(apis.metadata, { topics: [] })).errorCode ?? 0, 0)
  pinned.close()
  const other = caFingerprint.replace(/^../, pair => (pair === '00' ? '01' : '00'))
  await assert.rejects(reach({ tls: { caFingerprint: other }, login }), /no authority with the fingerprint/)
  await assert.rejects(reach({ tls: {}, login }), /self-signed certificate/)
  await assert.rejects(reach({ tls: { ca, servername: 'elsewhere.example' }, login }), /does not match/)
})

test('certificates of another authority, or that have expired, let nobody in, not even as a stranger', async () => {
  const elsewhere = await mkdtemp(join(directory, 'other-'))
  const yearAgo = Date.now() - 365 * 86_400_000
  for (const { certificate, key } of [
    await issueClientCertificate(elsewhere, 'bob', Date.now()),
    await issueClientCertificate(directory, 'bob', yearAgo),
  ]) {
    await assert.rejects(reach({ tls: { ca, certificate, key } }), /closed|reset|EPIPE/)
  }
})

test('only a certificate of the brokers makes a client one of them', async () => {
  const server = await readFile(files.server, 'utf8')
  const bobs = await issueClientCertificate(directory, 'bob', Date.now())
  // A name that looks like a unit is still a name.
  const sly = await issueClientCertificate(directory, 'eve,OU=tailrace-brokers', Date.now())
  const mayFollow = async ({ certificate, key }: { certificate: string; key: string }) => {
    const connection = await reach({ tls: { ca, certificate, key } })
    const replicaState = { replicaId: 1, replicaEpoch: 1 }
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000, currentLeaderEpoch: 0 }]
    const wire = await connection.request(apis.metadata, { topics: [{ name: topic }] })
    const topics = [{ topic, topicId: wire.topics[0]!.topicId, partitions }]
    const answer = await connection.request(apis.fetch, { replicaId: 1, replicaState, maxWaitMs: 0, topics })
    connection.close()
    return worstCode(answer) !== 29
  }
  const outcomes = [
    await mayFollow({ certificate: server, key: server }),
    await mayFollow(bobs),
    await mayFollow(sly),
  ]
  assert.deepEqual(outcomes, [true, false, false])
})

test('TLS 1.1 and plain text are refused, and the next client is served', async () => {
  const old = connectTls({
    host,
    port,
    ca,
    maxVersion: 'TLSv1.1',
    minVersion: 'TLSv1.1',
    ciphers: 'ALL:@SECLEVEL=0',
  })
  await assert.rejects(
    new Promise((resolve, reject) => old.once('secureConnect', resolve).once('error', reject)),
  )
  const plain = connectPlain({ host, port })
  plain.on('error', () => {}).write(Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255]))
  await new Promise(resolve => plain.once('close', resolve))
  const next = await reach({ login: passwordLogin('ada', password) })
  next.close()
})

test('new certificates are served without a restart; broken ones are not, and open connections live on', async () => {
  const before = await reach({ login: passwordLogin('ada', password) })
  const old = await readFile(files.server, 'utf8')
  await writeFile(files.server, 'no certificate')
  await logged('new certificates cannot be used, the old ones stay in force')
  assert.equal(await servedSerial(), new X509Certificate(old).serialNumber)
  await rm(files.server)
  const renewed: CertificateFiles = await ensureCertificates(directory, [host], Date.now())
  const { serialNumber } = new X509Certificate(await readFile(renewed.server))
  await logged('certificates read anew')
  assert.equal(await servedSerial(), serialNumber)
  assert.equal((await before.request(apis.metadata, { topics: [] })).brokers.length, 1)
  before.close()
})

async function servedSerial(): Promise<string> {
  const socket = connectTls({ host, port, ca })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { serialNumber } = socket.getPeerX509Certificate()!
  socket.destroy()
  return serialNumber
}

async function logged(message: string): Promise<void> {
  await until(`logged: ${message}`, () => broker.logLines.some(line => line.message === message))
}
