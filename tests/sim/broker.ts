// One broker of the simulated cluster: a process with disks that outlives its lives, and in each life the real
// membership, controller and writer of in-sync sets on a store handle, and a replica shell for each partition.
import { keys, type PartitionMeta, type Topic } from '../../broker/controller/cluster-state.ts'
import { IsrWriter } from '../../broker/isr-writer.ts'
import { Membership, type MembershipOptions } from '../../broker/membership.ts'
import type { Guard, Version } from '../../broker/metadata/store.ts'
import type { ErrorName } from '../../broker/protocol/errors.ts'
import type { Partition } from '../../broker/replication/partition.ts'
import { createLog } from '../../runtime/log.ts'
import type { Checker } from './checker.ts'
import type { KnownLeader } from './client.ts'
import type { GroupChecker } from './group-checker.ts'
import type { CoordinatingBroker } from './group-member.ts'
import { GroupShell } from './group-shell.ts'
import { type LogEntry, MemoryLog } from './memory-log.ts'
import type { Network } from './network.ts'
import { SimProcess } from './process.ts'
import { type FetchAnswer, type FetchRequest, type ReplicaHost, ReplicaShell } from './replica-shell.ts'
import type { Scheduler } from './scheduler.ts'
import { StoreClient } from './store-client.ts'
import type { StoreServer } from './store-server.ts'
import type { Swarm } from './swarm.ts'

export interface SimWorld {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly server: StoreServer
  readonly swarm: Swarm
  readonly checker: Checker
  readonly groups: GroupChecker
  readonly brokers: readonly SimBroker[]
  /** How many batches coordinators have written. */
  batches: number
  /** Faults are over. */
  isCalm: boolean
}

/** Holds never. */
const nobody: Guard = { key: 'brokers/ids/none', version: 'none' as Version }

export const topicName = 't'

interface Life {
  readonly membership: Membership
  readonly shells: (ReplicaShell | undefined)[]
  readonly groups: GroupShell
  /** By partition: the newest state this life has seen. */
  readonly seen: number[]
  sessionId: string | null
}

export class SimBroker implements CoordinatingBroker {
  readonly id: number
  readonly process: SimProcess
  logs: MemoryLog[]
  isWiped = false
  /** Never started again. */
  isRetired = false
  readonly #world: SimWorld
  #directories = 1
  /** Of the marker that a clean stop leaves. */
  #cleanEpoch = -1
  #life: Life | null = null

  constructor(id: number, world: SimWorld) {
    this.id = id
    this.#world = world
    this.process = new SimProcess(id, world.scheduler)
    this.logs = Array.from({ length: world.swarm.partitions + 1 }, () => new MemoryLog())
  }

  get directoryId(): string {
    return `directory ${this.id}.${this.#directories}`
  }

  get isRunning(): boolean {
    return this.process.state !== 'down'
  }

  get membership(): Membership | null {
    return this.#life?.membership ?? null
  }

  shell(index: number): ReplicaShell | undefined {
    return this.#life?.shells[index]
  }

  boot(): void {
    const { process } = this
    if (this.isRunning || this.isRetired) return
    process.start()
    this.#note('starts')
    process.after(0, 'boots', () => this.#begin())
  }

  crash(isPowerCut: boolean): void {
    if (!this.isRunning) return
    this.#note(isPowerCut ? 'loses power' : 'is killed')
    this.process.kill()
    this.#life = null
    this.#cleanEpoch = -1
    for (const log of this.logs) log.crash(isPowerCut, this.#world.scheduler.random)
  }

  wipe(): void {
    this.crash(true)
    this.#note('loses its disk')
    this.isWiped = true
    this.#directories++
    for (const log of this.logs) log.wipe()
  }

  /** As SIGTERM: leadership goes first, then everything is flushed and said to be. */
  stopCleanly(): void {
    const life = this.#life
    if (!life || this.process.state !== 'up' || life.membership.brokerEpoch < 0) return
    this.#note('is asked to stop')
    const { membership, shells } = life
    const stop = () => {
      if (this.#life !== life || this.process.state !== 'up') return
      const { brokerEpoch } = membership
      for (const shell of shells) shell?.stop()
      this.#note(`stops cleanly, epoch ${brokerEpoch}`)
      this.#cleanEpoch = brokerEpoch
      for (const log of this.logs) log.crash(false, this.#world.scheduler.random)
      if (life.sessionId !== null) this.#world.server.end(life.sessionId)
      this.process.kill()
      this.#life = null
    }
    SimProcess.current = this.process
    membership.leave(1_000).then(stop, stop)
  }

  /** If it is the controller, gives leadership back to whom it was planned for. */
  prefer(): void {
    const { process } = this
    process.accept(process.life, () => void this.membership?.settle(true).catch(() => undefined))
  }

  produce(
    index: number,
    producerId: number,
    sequence: number,
    values: readonly number[],
    told: (error: ErrorName) => void,
  ): void {
    const { process } = this
    process.accept(process.life, () => {
      const shell = this.shell(index)
      if (!shell) return told('notLeaderOrFollower')
      let left = values.length
      values.forEach((value, at) => {
        shell.append({ producerId, sequence: sequence + at, value }, (error, offset) => {
          if (error === 'none') this.#world.checker.acknowledged(shell, value, offset, this.#isSessionOver())
          else if (left > 0) left = 1
          if (--left === 0) told(error)
        })
      })
    })
  }

  coordinate(run: Parameters<CoordinatingBroker['coordinate']>[0]): void {
    this.process.accept(this.process.life, () => {
      const shell = this.shell(this.#world.swarm.partitions)
      if (this.#life && shell) run(this.#life.groups.coordinator, shell)
    })
  }

  read(index: number, offset: number, told: (entries: readonly LogEntry[] | null) => void): void {
    this.process.accept(this.process.life, () => told(this.shell(index)?.read(offset, 10) ?? null))
  }

  serve(index: number, request: FetchRequest, answered: (answer: FetchAnswer) => void): void {
    this.process.accept(this.process.life, () => {
      const shell = this.shell(index)
      if (shell) shell.serve(request, answered)
      else answered({ type: 'error', error: 'notLeaderOrFollower' })
    })
  }

  leaderOf(index: number): KnownLeader {
    const { leader, leaderEpoch } = this.#topic()?.partitions[index]?.value ?? { leader: -1, leaderEpoch: -1 }
    return { leader, leaderEpoch }
  }

  async #begin(): Promise<void> {
    const { swarm } = this.#world
    const { process } = this
    const store = this.#openStore()
    const membership = new Membership(store, {
      openStore: () => Promise.resolve(this.#openStore()),
      identity: {
        brokerId: this.id,
        directoryId: this.directoryId,
        host: 'localhost',
        port: 9_092 + this.id,
        previousBrokerEpoch: this.#cleanEpoch,
      },
      log: createLog('sim', () => undefined),
      rulesOf: () => ({ minIsr: swarm.minIsr, mayBeUnclean: false }),
      isDurable: () => swarm.countsFlushedBytes,
      sessionTtlMs: 2_000,
      isDamaged: () => false,
    } as MembershipOptions)
    const life: Life = { membership, shells: [], groups: this.#newGroups(), seen: [], sessionId: null }
    this.#life = life
    const { life: number } = process
    try {
      await membership.join()
    } catch (error) {
      // As a supervisor would.
      this.#note(`could not join: ${(error as Error).message}`)
      if (process.life !== number) return
      process.kill()
      this.#life = null
      this.#world.scheduler.after(200, `${this.id} starts again`, () => this.boot())
      return
    }
    this.#cleanEpoch = -1
    await this.#createTopic(membership).catch(() => undefined)
    membership.keep({
      onChange: () => this.#apply(life),
      onLost: () => {
        this.#note('lost its session')
        for (const shell of life.shells) shell?.stop()
        life.groups.followRole()
      },
    })
    this.#tick(life)
  }

  /** Whoever is the controller when everybody is there makes the topic. */
  async #createTopic(membership: Membership): Promise<void> {
    const { swarm, server } = this.#world
    for (;;) {
      if (server.get(keys.name(topicName)) !== null) return
      const { controller, image } = membership
      if (controller && image.brokers.size === swarm.brokers) {
        const assignment = Array.from({ length: swarm.partitions + 1 }, (_, index) =>
          Array.from({ length: swarm.replicationFactor }, (_, copy) => 1 + ((index + copy) % swarm.brokers)),
        )
        await controller.createTopic(topicName, assignment, { 'min.insync.replicas': String(swarm.minIsr) })
      }
      await new Promise(resolve => setTimeout(resolve, 100))
      if (image.brokers.size < swarm.brokers) {
        const { entries, at } = await membership.store.list('')
        image.replaceAll(entries, at)
      }
    }
  }

  #openStore(): StoreClient {
    const { scheduler, network, server, swarm } = this.#world
    return new StoreClient({
      scheduler,
      network,
      server,
      process: this.process,
      watchLoss: () => (this.#world.isCalm ? 0 : swarm.watchLoss),
      opened: sessionId => {
        if (this.#life) this.#life.sessionId = sessionId
      },
    })
  }

  #topic(): Topic | undefined {
    const { image } = this.#life?.membership ?? {}
    return image && [...image.topics.values()].find(({ meta }) => meta.value.name === topicName)
  }

  #apply(life: Life): void {
    const { membership, shells } = life
    const topic = this.#topic()
    if (this.#life !== life || !topic || membership.brokerEpoch < 0) return
    const { minIsr, countsFlushedBytes } = this.#world.swarm
    const brokerEpochs = new Map<number, number>()
    for (const { brokerId, epoch, isLeaving } of membership.image.brokers.values()) {
      if (!isLeaving) brokerEpochs.set(brokerId, epoch)
    }
    topic.partitions.forEach(({ value: meta }, index) => {
      if (!meta.replicas.includes(this.id)) return
      shells[index] ??= new ReplicaShell(topic.id, index, this.logs[index]!, this.#hostOf(life))
      shells[index].apply({ meta, minIsr, countsFlushedBytes, brokerEpochs })
      this.#look(life, index, meta)
    })
    life.groups.followRole()
  }

  /** R4: what a broker knows of the store is never older than what it knew. */
  #look({ seen }: Life, index: number, { partitionEpoch }: PartitionMeta): void {
    if (partitionEpoch < (seen[index] ?? -1)) {
      const text = `${this.id} goes back from ${seen[index]} to ${partitionEpoch} of ${index}`
      this.#world.checker.fail('R4', text)
    }
    seen[index] = partitionEpoch
  }

  #newGroups(): GroupShell {
    const { scheduler, checker, swarm } = this.#world
    const index = swarm.partitions
    return new GroupShell({
      log: this.logs[index]!,
      clock: { monotonicMs: () => scheduler.nowMs, wallMs: () => Math.floor(scheduler.nowMs) },
      shell: () => this.shell(index),
      newValue: () => 1_000_000 + this.#world.batches++,
      acknowledged: (shell, value, offset) =>
        checker.acknowledged(shell, value, offset, this.#isSessionOver()),
    })
  }

  #tick(life: Life): void {
    if (this.#life !== life) return
    for (const shell of life.shells) shell?.tick()
    life.groups.coordinator.tick()
    for (const log of this.logs) log.checkpoint()
    this.process.after(150, 'tick', () => this.#tick(life))
  }

  #hostOf(life: Life): ReplicaHost {
    const { scheduler, network, swarm, checker, brokers } = this.#world
    const { membership } = life
    const { process, id } = this
    const isrWriter = new IsrWriter({
      image: membership.image,
      store: () => membership.store,
      registered: () => (membership.brokerEpoch < 0 ? nobody : membership.registered),
      isClosed: () => this.#life !== life,
    })
    return {
      brokerId: id,
      lagTimeMaxMs: swarm.lagTimeMaxMs,
      fetchRecords: swarm.fetchRecords,
      nowMs: () => scheduler.nowMs,
      brokerEpoch: () => membership.brokerEpoch,
      isLeaseHeld: () => membership.isHeld(),
      after: (delayMs, what, run) => process.after(delayMs, what, run),
      flush: (log, done) => this.#flush(log, done),
      ask: (leader, index, request, answered) => {
        const { life: asking } = process
        network.send(id, leader, `fetch ${index} from ${request.fetchOffset}`, () => {
          brokers[leader - 1]!.serve(index, request, answer => {
            network.send(leader, id, `fetched ${index}`, () => process.accept(asking, () => answered(answer)))
          })
        })
      },
      propose: (shell, proposal) => {
        this.#note(`asks for the set ${proposal.isr} of ${shell.index}, from ${proposal.partitionEpoch}`)
        checker.count('proposed sets')
        isrWriter.propose(shell as unknown as Partition, proposal)
      },
      observe: (shell, effect) => {
        const { index, replica } = shell
        if (effect.type === 'led') {
          this.#note(
            `leads ${index} in epoch ${replica.leaderEpoch}, in sync ${replica.isr}, end ${replica.logEndOffset}`,
          )
          checker.led(shell)
        } else if (effect.type === 'highWatermark') {
          if (replica.role === 'leader') this.#note(`shows ${index} up to ${effect.offset}`)
          checker.highWatermark(shell)
        } else if (effect.type === 'changed') checker.changed(shell)
        else if (effect.type === 'lostCommitted') {
          checker.fail(
            'R9',
            `${id} cut ${index} from ${effect.toOffset} to ${effect.fromOffset}, below what it knew as committed`,
          )
        }
      },
      alarm: text => {
        this.#note(text)
        checker.count('alarms')
      },
    }
  }

  #flush(log: MemoryLog, done: (end: number) => void): void {
    const { scheduler, swarm, isCalm } = this.#world
    const { end } = log
    const isSlow = !isCalm && scheduler.random.chance(swarm.slowFlush)
    this.process.after(scheduler.between(1, swarm.flushMs) * (isSlow ? 100 : 1), 'flushed', () => {
      if (!this.#world.isCalm && scheduler.random.chance(swarm.failedFlush)) {
        // What the kernel then says of those pages is not to be believed: the broker dies and recovers.
        this.#note('cannot flush')
        this.crash(true)
        scheduler.after(swarm.downMs, `${this.id} starts again`, () => this.boot())
        return
      }
      done(end)
    })
  }

  #isSessionOver(): boolean {
    const { sessionId } = this.#life ?? {}
    return sessionId === null || sessionId === undefined || !this.#world.server.isOpen(sessionId)
  }

  #note(text: string): void {
    this.#world.scheduler.note(`broker ${this.id} ${text}`)
  }
}
