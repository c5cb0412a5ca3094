// `--public`: an appliance that others reach by TLS and login, from the command line on; and brokers that reach each
// other by TLS, known by their certificates.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Connection } from '../../broker/client/connection.ts'
import { passwordLogin } from '../../broker/client/login.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { ensureCertificates } from '../../cli/certificates.ts'
import { BrokerProcess } from './broker-process.ts'
import { batch, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const launcher = join(import.meta.dirname, '../../cli/tailrace.js')
const settings = { env: { ...process.env, TAILRACE_REEXECUTED: '1' } }

async function outputOf(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [launcher, ...args], {
    ...settings,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const chunks = await Array.fromAsync(child.stdout as AsyncIterable<Buffer>)
  return Buffer.concat(chunks).toString()
}

/** Resolves with what it says once everything serves. */
function bannerOf(child: ChildProcess): Promise<string> {
  let text = ''
  return new Promise((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      text += chunk
      if (/^ {2}Open http/m.test(text)) resolve(text)
    })
    child.once('exit', code => reject(new Error(`It ended with ${code}: ${text}`)))
  })
}

test('tailrace up --public: certificates, a port for others, a user, and its first line', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-public-'))
  const data = join(directory.path, 'data')
  const open = ['--public-kafka-port', '0', '--public-http-port', '0']
  const ports = ['--kafka-port', '0', '--http-port', '0', ...open]
  const args = [launcher, 'up', '--data', data, '--brokers', '1', ...ports, '--public', 'localhost']
  const child = spawn(process.execPath, args, { ...settings, stdio: ['ignore', 'ignore', 'pipe'] })
  try {
    const banner = await bannerOf(child)
    const [, port, caFingerprint] = /public +localhost:(\d+).*\n +SHA-256 ([0-9A-F:]{95})/.exec(banner)!
    const bootstrap = /kafka +(127\.0\.0\.1:\d+)/.exec(banner)![1]!
    const add = [
      'users',
      'add',
      'ada',
      '--role',
      'produce',
      '--topic',
      'logs',
      '--bootstrap',
      bootstrap,
      '--json',
    ]
    const { password } = JSON.parse(await outputOf(add)) as { password: string }
    const connection = await Connection.open({
      ...{ host: 'localhost', port: Number(port), clientId: 'test' },
      ...{ login: passwordLogin('ada', password), tls: { caFingerprint: caFingerprint! } },
    })
    const { topics } = await connection.request(apis.metadata, { topics: [{ name: 'logs' }] })
    const partitionData = [{ index: 0, records: batch('from afar') }]
    const topicData = [{ name: 'logs', topicId: topics[0]!.topicId, partitionData }]
    assert.equal(
      worstCode(await connection.request(apis.produce, { acks: -1, timeoutMs: 5_000, topicData })),
      0,
    )
    connection.close()
    const out = join(directory.path, 'bob.pem')
    const certify = ['users', 'certificate', 'bob', '--role', 'consume', '--out', out, '--data', data]
    await outputOf([...certify, '--bootstrap', bootstrap])
    const certificate = await readFile(out, 'utf8')
    const bob = await Connection.open({
      ...{ host: 'localhost', port: Number(port), clientId: 'test' },
      tls: { ca: await readFile(join(data, 'tls/ca.pem'), 'utf8'), certificate },
    })
    const seen = await bob.request(apis.metadata, { topics: [{ name: 'logs' }] })
    assert.equal(worstCode(seen), 0)
    bob.close()
  } finally {
    const hasExited = child.exitCode !== null || child.signalCode !== null
    const exited = hasExited || new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGTERM')
    await exited
  }
})

test('two brokers that reach each other by TLS replicate; one of another authority takes no part', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-peers-'))
  const files = await ensureCertificates(join(directory.path, 'tls'), ['localhost'], Date.now())
  const foreign = await ensureCertificates(join(directory.path, 'foreign'), ['localhost'], Date.now())
  const start = (brokerId: number, { server, ca } = files) => {
    const identity = { certificate: server, key: server }
    const where = { name: 'TLS', host: '127.0.0.1', port: 0, advertisedHost: 'localhost' }
    return BrokerProcess.start([], {
      brokerId,
      dataDirectory: join(directory.path, `broker-${brokerId}`),
      metadataPath: join(directory.path, 'metadata.db'),
      listeners: [{ ...where, ...identity, clientAuthority: ca }],
      peers: { listener: 'TLS', ...identity, authority: ca },
    })
  }
  const creation = (name: string, ...brokerIds: number[]) => {
    const assignments = [{ partitionIndex: 0, brokerIds }]
    return [{ name, numPartitions: -1, replicationFactor: -1, assignments }]
  }
  await using first = await start(1)
  await using second = await start(2)
  using client = await WireClient.connect(first.port)
  assert.equal(worstCode(await client.request(apis.createTopics, 7, { topics: creation('shared', 1, 2) })), 0)
  const produce = async (name: string) => {
    const topicData = [{ name, partitionData: [{ index: 0, records: batch('x') }] }]
    return errorName(
      worstCode(await client.request(apis.produce, 8, { acks: -1, timeoutMs: 2_000, topicData })),
    )
  }
  assert.equal(await produce('shared'), 'none')
  const { topics } = await client.request(apis.metadata, 12, { topics: [{ name: 'shared' }] })
  assert.deepEqual(topics[0]!.partitions[0]!.isrNodes, [1, 2], 'acknowledged by both')
  const certificate = await readFile(files.server, 'utf8')
  const tls = { ca: await readFile(files.ca, 'utf8'), certificate, key: certificate }
  const [one, two] = [first, second].map(({ ports }) => ports['TLS']!)
  const afar = await Connection.open({ host: 'localhost', port: two!, clientId: 'test', tls })
  const { brokers } = await afar.request(apis.metadata, { topics: [] })
  assert.deepEqual(
    brokers.map(({ host, port }) => `${host}:${port}`).sort(),
    [`localhost:${one}`, `localhost:${two}`].sort(),
  )
  const { topicId } = topics[0]!
  const topicData = [{ name: 'shared', topicId, partitionData: [{ index: 0, records: batch('x') }] }]
  const { nodeEndpoints } = await afar.request(apis.produce, { acks: 1, timeoutMs: 2_000, topicData })
  assert.deepEqual(
    nodeEndpoints,
    [{ nodeId: 1, host: 'localhost', port: one, rack: null }],
    'the leader, by TLS',
  )
  afar.close()
  // A creation asked of the second goes to the controller by the same way.
  using other = await WireClient.connect(second.port)
  assert.equal(worstCode(await other.request(apis.createTopics, 7, { topics: creation('more', 2, 1) })), 0)

  await using third = await start(3, foreign)
  await client.request(apis.createTopics, 7, { topics: creation('apart', 1, 3) })
  assert.equal(await produce('apart'), 'requestTimedOut')
  assert(third.logLines.some(({ message }) => message.includes('cannot fetch from a leader')))
})
