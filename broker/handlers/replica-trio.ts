// Three brokers in one process, as much of them as replication needs: a partition each on a real directory, a real
// server with the data path's handlers, real followers; and a store of one entry that tells them their roles.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { Metrics } from '../../runtime/metrics.ts'
import type { Broker } from '../broker.ts'
import { createBrokerCounters } from '../broker-metrics.ts'
import { Connection } from '../client/connection.ts'
import type { ScramLogin } from '../client/login.ts'
import { type HandlerRow, serve } from '../handler-row.ts'
import { LogDirectory } from '../log/log-directory.ts'
import { apis } from '../protocol/apis.ts'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { errorName } from '../protocol/errors.ts'
import { batchEnd } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import { FollowerFetches } from '../replication/follower.ts'
import { type IsrProposal, Partition } from '../replication/partition.ts'
import { TimerWheel } from '../replication/timer-wheel.ts'
import { TurnQueue } from '../replication/turn-queue.ts'
import { ClusterSecret } from '../security/cluster-secret.ts'
import { Security } from '../security/security.ts'
import { findSendfile } from '../sendfile.ts'
import { defaultLimits, Server } from '../server.ts'
import { produce } from './00-produce.ts'
import { fetch } from './01-fetch.ts'
import { listOffsets } from './02-list-offsets.ts'
import { saslHandshake } from './17-sasl-handshake.ts'
import { apiVersions } from './18-api-versions.ts'
import { deleteRecords } from './21-delete-records.ts'
import { offsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts'
import { saslAuthenticate } from './36-sasl-authenticate.ts'

export const topic = 'logs'
export const topicId = 'dGFpbHJhY2UtdGVzdC0xMg'
const brokerIds = [1, 2, 3]
const minIsr = 2
const clusterSecret = new ClusterSecret('secret', Buffer.from('salt of the test'))
/** Far above what a busy machine keeps a follower from its next fetch. */
export const lagTimeMaxMs = 1_500
const tickMs = 50

/** The store's entry of the one partition. */
interface Entry {
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  isr: readonly number[]
}

interface Life {
  readonly brokerEpoch: number
  readonly port: number
  readonly partition: Partition
  readonly server: Server
  readonly logs: LogDirectory
  readonly followers: FollowerFetches
  readonly wheel: TimerWheel
  readonly ticking: NodeJS.Timeout
  readonly path: string
}

export class ReplicaTrio implements AsyncDisposable {
  readonly entry: Entry = { leader: -1, leaderEpoch: 0, partitionEpoch: 0, isr: brokerIds }
  readonly alarms: string[] = []
  /** Of disks. A test that expects none says so by what it acknowledges. */
  readonly failures: string[] = []
  readonly lost: (readonly [brokerId: number, from: number, to: number])[] = []
  readonly #lives = new Map<number, Life>()
  readonly #connections = new Map<number, Connection>()
  readonly #directory: AsyncDisposable & { readonly path: string }
  readonly #paths = new Map<number, string>()
  #brokerEpochs = 10
  /** Whom the store does not reach: they keep the role they had. */
  readonly deaf = new Set<number>()

  private constructor(directory: AsyncDisposable & { readonly path: string }) {
    this.#directory = directory
  }

  static async start(): Promise<ReplicaTrio> {
    const trio = new ReplicaTrio(await mkdtempDisposable(join(tmpdir(), 'trio-')))
    for (const id of brokerIds) await trio.startBroker(id)
    trio.elect(1)
    return trio
  }

  partition(id: number): Partition {
    return this.#lives.get(id)!.partition
  }

  async startBroker(id: number, tell = () => this.tell()): Promise<void> {
    const path = this.#paths.get(id) ?? join(this.#directory.path, `broker-${id}`)
    this.#paths.set(id, path)
    this.#lives.set(id, await this.#open(id, path, ++this.#brokerEpochs))
    tell()
  }

  /** A bit of the nth batch flips on the disk of a broker, which may be down. */
  damage(id: number, batch: number): void {
    const path = join(this.#paths.get(id)!, `${topic}-0`, `${'0'.repeat(20)}.log`)
    const bytes = readFileSync(path)
    let at = 0
    for (let index = 0; index < batch; index++) at = batchEnd(bytes, at, bytes.length)
    bytes[batchEnd(bytes, at, bytes.length) - 1]! ^= 1
    writeFileSync(path, bytes)
  }

  /** As kill -9: nothing is said to anybody, and the next life finds the files as they were at this moment. */
  async kill(id: number): Promise<void> {
    const life = this.#lives.get(id)!
    const path = `${life.path}-next`
    cpSync(life.path, path, { recursive: true })
    this.#paths.set(id, path)
    this.#lives.delete(id)
    await this.#end(id, life)
  }

  /** The controller's part: the next leader epoch, by decree. */
  elect(leader: number, isr: readonly number[] = this.entry.isr): void {
    const { leaderEpoch, partitionEpoch } = this.entry
    Object.assign(this.entry, {
      leader,
      isr,
      leaderEpoch: leaderEpoch + 1,
      partitionEpoch: partitionEpoch + 1,
    })
    this.tell()
  }

  /** Everybody who hears learns what the store holds. */
  tell(): void {
    for (const [id, { partition }] of this.#lives) if (!this.deaf.has(id)) this.#tellOne(id, partition)
  }

  /** On one connection answers come in the order of the requests. */
  async produce(id: number, value: string, acks = -1, timeoutMs = 5_000, on = this.connectionTo(id)) {
    const builder = new BatchBuilder()
    builder.append(null, Buffer.from(value), undefined, Date.now())
    const partitionData = [{ index: 0, records: builder.build({ codec: 'none' }) }]
    const body = { acks, timeoutMs, topicData: [{ name: topic, topicId, partitionData }] }
    const answer = await (await on).request(apis.produce, body)
    const { errorCode, baseOffset, currentLeader } = answer.responses[0]!.partitionResponses[0]!
    return { error: errorName(errorCode), baseOffset, currentLeader, nodeEndpoints: answer.nodeEndpoints }
  }

  async acknowledged(id: number, value: string): Promise<void> {
    assert.equal((await this.produce(id, value)).error, 'none', value)
  }

  async connectionTo(id: number): Promise<Connection> {
    const known = this.#connections.get(id)
    if (known?.isOpen) return known
    const connection = await this.connect(id, clusterSecret.login)
    this.#connections.set(id, connection)
    return connection
  }

  /** A connection of its own; without a login that of any client of this machine. */
  connect(id: number, login?: ScramLogin): Promise<Connection> {
    const { port } = this.#lives.get(id)!
    return Connection.open({ host: '127.0.0.1', port, clientId: 'test', ...(login && { login }) })
  }

  /** What a replica has, as `epoch:value`, committed or not. */
  valuesOf(id: number, limit = this.partition(id).log.logEndOffset): string[] {
    const { log } = this.partition(id)
    const bytes = log.copy(log.read(log.logStartOffset, 2 ** 24, limit, true))
    const values: string[] = []
    for (let at = 0, end = 0; end >= 0; at = end) {
      end = batchEnd(bytes, at, bytes.length)
      if (end < 0) break
      walkRecords(bytes.subarray(at, end), (offset, _time, buffer, _ks, _ke, valueStart, valueEnd) => {
        values.push(`${log.epochOf(offset)}:${buffer.toString('utf8', valueStart, valueEnd)}`)
      })
    }
    return values
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const lives = [...this.#lives]
    // A proposal that is still to be settled tells nobody who has ended.
    this.#lives.clear()
    for (const [id, life] of lives) await this.#end(id, life)
    await this.#directory[Symbol.asyncDispose]()
  }

  async #end(id: number, life: Life): Promise<void> {
    clearInterval(life.ticking)
    this.#connections.get(id)?.close()
    life.server.close()
    life.partition.stop('notLeaderOrFollower')
    life.followers.close()
    life.wheel.close()
    await life.logs.close(life.brokerEpoch)
  }

  async #open(id: number, path: string, brokerEpoch: number): Promise<Life> {
    mkdirSync(path, { recursive: true })
    const logs = LogDirectory.open({
      path,
      clusterId: 'Y2x1c3Rlci1vZi1vbmUtMQ',
      nodeId: id,
      nowMs: Date.now(),
      config: {},
      listener: {
        onDurable: (log, durableEnd) => (log.owner as Partition | null)?.onDurable(durableEnd),
        onFailed: (_log, error) => this.failures.push(`${id}: ${error.message}`),
      },
    })
    const quiet = createLog('trio', () => undefined)
    const security = await Security.open({ secret: clusterSecret, clock: systemClock })
    const followers = new FollowerFetches({
      brokerId: id,
      brokerEpoch: () => brokerEpoch,
      credentials: { login: clusterSecret.login },
      clock: systemClock,
      log: quiet,
      doubtLeader: () => undefined,
      maxWaitMs: 100,
    })
    const peers = {
      clock: systemClock,
      lagTimeMaxMs,
      isrChanges: {
        propose: (partition: Partition, proposal: IsrProposal) => this.#propose(id, partition, proposal),
      },
      endpoints: { endpointOf: (brokerId: number) => this.#endpointOf(brokerId) },
      lease: { isHeld: () => true },
      followers,
      alarm: (_partition: Partition, message: string) => this.alarms.push(`${id}: ${message}`),
      lost: (_partition: Partition, from: number, to: number) => this.lost.push([id, from, to]),
    }
    const turns = new TurnQueue()
    const log = logs.get(topic, 0) ?? logs.create(topic, 0, topicId)
    const partition = new Partition(log, id, 2 ** 20, turns, peers)
    const wheel = new TimerWheel(systemClock)
    const counters = createBrokerCounters(new Metrics())
    const limits = defaultLimits
    const server = new Server({ clock: systemClock, log: quiet, limits, findSendfile, counters })
    const port = await server.listen('127.0.0.1', 0)
    const broker = this.#houseOf(partition, { wheel, turns, logs }, counters)
    server.serve({
      handlers: handlersOf(broker, security),
      newSession: (door, host, certified) => security.newSession(door, host, certified),
      onRequest: () => undefined,
      onClosed: () => undefined,
    })
    const ticking = setInterval(() => partition.tick(), tickMs)
    return { brokerEpoch, port, partition, server, logs, followers, wheel, ticking, path }
  }

  /** As much of a broker as the data path's handlers look at. */
  #houseOf(partition: Partition, parts: Partial<Broker['parts']>, counters: unknown): Broker {
    const { entry } = this
    const served = {
      id: topicId,
      name: topic,
      isInternal: false,
      configs: {},
      partitions: [partition],
      topic: { partitions: [{ value: entry }] },
    }
    const topics = {
      byId: (id: string) => (id === topicId ? served : undefined),
      byName: (name: string) => (name === topic ? served : undefined),
    }
    return { topics, clock: systemClock, counters, parts } as unknown as Broker
  }

  #endpointOf(id: number) {
    const life = this.#lives.get(id)
    return life ? { host: '127.0.0.1', port: life.port, brokerEpoch: life.brokerEpoch } : null
  }

  #facts() {
    const brokerEpochs = new Map([...this.#lives].map(([id, life]) => [id, life.brokerEpoch]))
    return { ...this.entry, replicas: brokerIds, minIsr, brokerEpochs, countsFlushedBytes: true }
  }

  #tellOne(id: number, partition: Partition): void {
    const facts = this.#facts()
    const { role, leaderEpoch } = partition.replica
    const { leader } = this.entry
    if (leaderEpoch === facts.leaderEpoch && role === 'leader') partition.updated(facts)
    else if (leader === id && leaderEpoch < facts.leaderEpoch) partition.lead(facts)
    else if (leader !== id) {
      const endpoint = this.#endpointOf(leader)
      const { host: leaderHost = '', port: leaderPort = 0 } = endpoint ?? {}
      partition.follow({ ...facts, leader: endpoint ? leader : -1, leaderHost, leaderPort })
    }
  }

  /** The guarded write of an in-sync set. */
  #propose(id: number, partition: Partition, proposal: IsrProposal): void {
    setImmediate(() => {
      if (this.deaf.has(id)) {
        partition.isrSettled(proposal, { outcome: 'unknown' })
        return
      }
      const { entry } = this
      const isFresh =
        proposal.leaderEpoch === entry.leaderEpoch &&
        proposal.partitionEpoch === entry.partitionEpoch &&
        proposal.brokerEpochs
          .entries()
          .every(([other, epoch]) => this.#lives.get(other)?.brokerEpoch === epoch)
      if (isFresh) Object.assign(entry, { isr: proposal.isr, partitionEpoch: entry.partitionEpoch + 1 })
      const { partitionEpoch, isr } = entry
      partition.isrSettled(proposal, { outcome: isFresh ? 'applied' : 'refused', partitionEpoch, isr })
      this.tell()
    })
  }
}

function handlersOf(broker: Broker, security: Security): ReadonlyMap<number, HandlerRow> {
  const table = new Map<number, HandlerRow>()
  const rows = [
    serve(apis.produce, produce, broker),
    serve(apis.fetch, fetch, broker),
    serve(apis.listOffsets, listOffsets, broker),
    serve(apis.offsetForLeaderEpoch, offsetForLeaderEpoch, broker),
    serve(apis.deleteRecords, deleteRecords, broker),
    serve(apis.apiVersions, apiVersions, table),
    serve(apis.saslHandshake, saslHandshake, broker),
    serve(apis.saslAuthenticate, saslAuthenticate, security),
  ]
  for (const row of rows) table.set(row.api.key, row)
  return table
}

/** Looks again and again, for what is told to nobody. */
export async function until(what: string, holds: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!holds()) {
    assert(performance.now() < deadline, `in vain: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
