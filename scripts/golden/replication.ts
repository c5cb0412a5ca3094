// The part of the recording that needs three brokers: clients ask about replicas and move them while a broker goes and
// comes back, and the brokers, which reach each other through the recorder too, follow each other.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { RecordingProxy, type SeenExchange } from './proxy.ts'

export interface ReplicationOptions {
  readonly classPath: string
  /** The driver written in Go. */
  readonly go: string
  readonly goVersion: string
  readonly kafkaVersion: string
}

const nodes = [1, 2, 3].map(id => ({ id, port: 19_600 + id * 10, advertisedPort: 19_650 + id * 10 }))
/** Of those that stay. */
const bootstrap = nodes
  .slice(0, 2)
  .map(({ advertisedPort }) => `127.0.0.1:${advertisedPort}`)
  .join(',')
const comesAndGoes = 3
const clientTimeoutMs = 240_000
const joinTimeoutMs = 60_000
const topic = 'golden-replicated'

export async function recordReplication(options: ReplicationOptions): Promise<readonly SeenExchange[]> {
  const seen: SeenExchange[] = []
  const proxies = nodes.map(({ port }) => new RecordingProxy(port, seen))
  await Promise.all(proxies.map((proxy, index) => proxy.listen(nodes[index]!.advertisedPort)))
  const cluster = await KafkaCluster.start(options.classPath, nodes)
  const play = (name: string, version: string, program: string, ...args: readonly string[]) => {
    const before = seen.length
    for (const proxy of proxies) proxy.client = `${name} ${version}`
    return run(program, args).then(() =>
      console.log(`${name} ${args.at(-1)}: ${seen.length - before} exchanges`),
    )
  }
  const scene = async (name: string) => {
    await play('franz-go', options.goVersion, options.go, 'replication', bootstrap, name)
    const script = join(import.meta.dirname, 'java-replication.sh')
    await play('java', options.kafkaVersion, script, options.classPath, bootstrap, name)
  }
  try {
    await scene('create')
    await waitInSync(3)
    await scene('whole')
    await cluster.stopNode(comesAndGoes)
    await waitInSync(2)
    await scene('without-3')
    await cluster.startNode(comesAndGoes)
    await waitInSync(3)
    await scene('returned')
  } finally {
    await cluster.close()
    for (const proxy of proxies) proxy.close()
  }
  return seen
}

function run(program: string, args: readonly string[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], timeout: clientTimeoutMs })
  child.on('close', code => {
    if (code !== 0) console.error(`${program} ${args.at(-1)}: ended with ${code}`)
    resolve()
  })
  return promise
}

/** Asks a broker itself, so that the recorder does not see it. */
async function waitInSync(members: number): Promise<void> {
  const deadline = performance.now() + joinTimeoutMs
  const connection = await Connection.open({ host: '127.0.0.1', port: nodes[0]!.port, clientId: 'recorder' })
  try {
    for (;;) {
      const { topics } = await connection.request(apis.metadata, { topics: [{ name: topic }] })
      const partitions = topics[0]?.partitions ?? []
      const isReached = partitions.every(
        ({ isrNodes, leaderId }) => isrNodes.length === members && leaderId > 0,
      )
      if (partitions.length > 0 && isReached) return
      if (performance.now() > deadline) throw new Error(`${topic} never had ${members} in sync`)
      await new Promise(done => setTimeout(done, 200))
    }
  } finally {
    connection.close()
  }
}
