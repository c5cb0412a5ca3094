// Nodes of a real Apache Kafka, each broker and controller, that clients and the other nodes reach by the ports
// they advertise: those of recording proxies. Touches a temporary directory and the Java processes it starts.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Node {
  readonly id: number
  readonly port: number
  readonly advertisedPort: number
}

const controllerPortOf = ({ port }: Node) => port + 1
const readyLine = 'Kafka Server started'
const startTimeoutMs = 90_000

export class KafkaCluster {
  readonly #classPath: string
  readonly #nodes: readonly Node[]
  readonly #directory = mkdtempSync(join(tmpdir(), 'tailrace-golden-'))
  readonly #processes = new Map<number, ChildProcess>()

  readonly #settings: readonly string[]

  private constructor(classPath: string, nodes: readonly Node[], settings: readonly string[]) {
    this.#classPath = classPath
    this.#nodes = nodes
    this.#settings = settings
  }

  /** `settings` are properties of every node, before which the ones here yield. */
  static async start(
    classPath: string,
    nodes: readonly Node[],
    settings: readonly string[] = [],
  ): Promise<KafkaCluster> {
    const cluster = new KafkaCluster(classPath, nodes, settings)
    const clusterId = cluster.#java('kafka.tools.StorageTool', 'random-uuid').trim()
    for (const node of nodes) {
      writeFileSync(cluster.#propertiesPath(node), cluster.#properties(node))
      cluster.#java('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', cluster.#propertiesPath(node))
    }
    await Promise.all(nodes.map(({ id }) => cluster.startNode(id)))
    return cluster
  }

  /** Resolves when it serves. */
  async startNode(id: number): Promise<void> {
    const node = this.#nodes.find(one => one.id === id)!
    const options = ['-Xms384m', '-Xmx384m', '-XX:+UseSerialGC', '-Djava.awt.headless=true']
    const what = ['-cp', this.#classPath, 'kafka.Kafka', this.#propertiesPath(node)]
    const child = spawn('java', [...options, ...what], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#processes.set(id, child)
    let said = ''
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error(`Node ${id} did not start:\n${said}`)), startTimeoutMs)
    child.stderr.on('data', chunk => {
      said = `${said}${chunk}`.slice(-10_000)
      if (said.includes(readyLine)) resolve()
    })
    child.once('exit', code => reject(new Error(`Node ${id} ended with ${code}:\n${said}`)))
    await promise.finally(() => clearTimeout(timer))
  }

  /** As an operator stops it: its leaderships are handed over first. */
  async stopNode(id: number): Promise<void> {
    const child = this.#processes.get(id)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }

  /** At once: nodes that stop one after the other in good order wait for a quorum that is no more. */
  async close(): Promise<void> {
    for (const child of this.#processes.values()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #java(...args: readonly string[]): string {
    return execFileSync('java', ['-cp', this.#classPath, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  }

  #propertiesPath({ id }: Node): string {
    return join(this.#directory, `node-${id}.properties`)
  }

  #properties(node: Node): string {
    const voters = this.#nodes.map(one => `${one.id}@127.0.0.1:${controllerPortOf(one)}`)
    const controller = `CONTROLLER://127.0.0.1:${controllerPortOf(node)}`
    return [
      'process.roles=broker,controller',
      `node.id=${node.id}`,
      `listeners=PLAINTEXT://127.0.0.1:${node.port},${controller}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${node.advertisedPort},${controller}`,
      'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      'controller.listener.names=CONTROLLER',
      'inter.broker.listener.name=PLAINTEXT',
      `controller.quorum.voters=${voters.join(',')}`,
      `log.dirs=${join(this.#directory, `data-${node.id}`)}`,
      'num.network.threads=2',
      'num.io.threads=2',
      'offsets.topic.num.partitions=1',
      'min.insync.replicas=2',
      'auto.leader.rebalance.enable=false',
      'auto.create.topics.enable=false',
      'log.cleaner.dedupe.buffer.size=20971520',
      ...this.#settings,
      '',
    ].join('\n')
  }
}
