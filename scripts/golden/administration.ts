// The part of the recording that needs rights and log-in: a node with Kafka's authorizer, whose anonymous clients may
// do everything, and beside the open listener one with SCRAM. Each is reached through the recorder.

import { spawn } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { RecordingProxy, type SeenExchange } from './proxy.ts'

export interface AdministrationOptions {
  readonly classPath: string
  /** The driver written in Go. */
  readonly go: string
  /** Of franz-go. */
  readonly goVersion: string
  readonly saramaVersion: string
}

const node = { id: 1, port: 19_700, advertisedPort: 19_750 }
const controllerPort = node.port + 1
const sasl = { port: 19_702, advertisedPort: 19_752 }
const sceneTimeoutMs = 400_000
/** Who logs in; the scene knows the password. */
const user = { name: 'golden-admin', password: 'golden-secret', iterations: 4_096 }
const mechanisms = [
  { mechanism: 1, digest: 'sha256', bytes: 32 },
  { mechanism: 2, digest: 'sha512', bytes: 64 },
] as const

const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
const listeners = (plain: number, guarded: number) =>
  [
    `PLAINTEXT://127.0.0.1:${plain}`,
    `CONTROLLER://127.0.0.1:${controllerPort}`,
    `SASL_PLAINTEXT://127.0.0.1:${guarded}`,
  ].join(',')
const settings = [
  `listeners=${listeners(node.port, sasl.port)}`,
  `advertised.listeners=${listeners(node.advertisedPort, sasl.advertisedPort)}`,
  'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
  'sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512',
  `listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=${login}`,
  `listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=${login}`,
  'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  `super.users=User:ANONYMOUS;User:${user.name}`,
  'min.insync.replicas=1',
  'offsets.topic.replication.factor=1',
  'group.initial.rebalance.delay.ms=0',
]

export async function recordAdministration(options: AdministrationOptions): Promise<readonly SeenExchange[]> {
  const seen: SeenExchange[] = []
  const proxies = [new RecordingProxy(node.port, seen), new RecordingProxy(sasl.port, seen)]
  const [open, guarded] = proxies
  await open!.listen(node.advertisedPort)
  await guarded!.listen(sasl.advertisedPort)
  const cluster = await KafkaCluster.start(options.classPath, [node], settings)
  try {
    await makeUser()
    for (const proxy of proxies) proxy.client = `franz-go ${options.goVersion}`
    const addresses = [node, sasl].map(({ advertisedPort }) => `127.0.0.1:${advertisedPort}`)
    await run(options.go, ['administration', addresses[0]!, addresses[1]!])
    for (const proxy of proxies) proxy.client = `sarama ${options.saramaVersion}`
    await run(options.go, ['old-log-ins', addresses[1]!])
  } finally {
    await cluster.close()
    for (const proxy of proxies) proxy.close()
  }
  return seen
}

/** Asks the broker itself, so that the recorder does not see it; also makes it ready to look after groups. */
async function makeUser(): Promise<void> {
  const connection = await Connection.open({ host: '127.0.0.1', port: node.port, clientId: 'recorder' })
  const salt = randomBytes(16)
  const upsertions = mechanisms.map(({ mechanism, digest, bytes }) => ({
    name: user.name,
    mechanism,
    iterations: user.iterations,
    salt,
    saltedPassword: pbkdf2Sync(user.password, salt, user.iterations, bytes, digest),
  }))
  try {
    // Kafka takes one change of a user in a request.
    for (const upsertion of upsertions) {
      const body = { upsertions: [upsertion] }
      const { results } = await connection.request(apis.alterUserScramCredentials, body)
      if (results[0]?.errorCode !== 0) throw new Error(`The user was not made: ${results[0]?.errorMessage}`)
    }
    for (;;) {
      const { coordinators } = await connection.request(apis.findCoordinator, {
        coordinatorKeys: ['golden-busy'],
      })
      if (coordinators[0]?.errorCode === 0) return
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  } finally {
    connection.close()
  }
}

function run(program: string, args: readonly string[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], timeout: sceneTimeoutMs })
  child.on('close', code => {
    if (code !== 0) console.error(`${program} ${args[0]}: ended with ${code}`)
    resolve()
  })
  return promise
}
