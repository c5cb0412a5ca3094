// Members of one consumer group: they join, share partitions, begin where the group has committed, and commit. Now
// and then one sleeps for longer than its session and goes on as if nothing had happened. Pure but for scheduler and
// network.
import type { GroupCoordinator, JoinOutcome, SyncOutcome } from '../../broker/groups/coordinator.ts'
import type { ErrorName } from '../../broker/protocol/errors.ts'
import type { Checker } from './checker.ts'
import { Belief, type ServingBroker } from './client.ts'
import { type GroupChecker, noteOf } from './group-checker.ts'
import type { Network } from './network.ts'
import type { ReplicaShell } from './replica-shell.ts'
import type { Scheduler } from './scheduler.ts'

export interface CoordinatingBroker extends ServingBroker {
  /** Runs in the broker's process, if that lives and has come so far. */
  coordinate(run: (coordinator: GroupCoordinator, shell: ReplicaShell) => void): void
}

export interface GroupWorld {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly brokers: readonly CoordinatingBroker[]
  readonly checker: Checker
  readonly groups: GroupChecker
  readonly isCalm: boolean
}

export const groupPartitions = 3
const groupId = 'g'
const topic = 'read'
const sessionTimeoutMs = 1_500
const rebalanceTimeoutMs = 1_200
const answerTimeoutMs = 700
const joinTimeoutMs = 3_000
const retryMs = 60
const turnMs = 250

type Outcome<T> = T | null

export class SimMember {
  readonly id: number
  readonly #world: GroupWorld
  readonly #belief: Belief
  readonly #sleeps: number
  #memberId = ''
  #generation = -1
  #phase: 'joins' | 'syncs' | 'asks' | 'works' = 'joins'
  #shares = new Map<string, number[]>()
  #share: readonly number[] = []
  readonly #positions = new Map<number, number>()
  #commits = 0
  #attempt = 0
  #calmCommits = 0

  constructor(id: number, index: number, sleeps: number, world: GroupWorld) {
    this.id = id
    this.#world = world
    this.#sleeps = sleeps
    this.#belief = new Belief(id, index, world)
  }

  /** At rest: it has its share and has committed since the faults ended. */
  get isSettled(): boolean {
    return this.#phase === 'works' && this.#calmCommits > 0
  }

  get standing(): string {
    return `member ${this.id} ${this.#phase} in generation ${this.#generation}, ${this.#calmCommits} commits`
  }

  next(delayMs: number): void {
    const attempt = ++this.#attempt
    this.#world.scheduler.after(delayMs, `member ${this.id} ${this.#phase}`, () => {
      if (attempt === this.#attempt) this.#turn(attempt)
    })
  }

  #turn(attempt: number): void {
    if (this.#phase === 'joins') this.#join(attempt)
    else if (this.#phase === 'syncs') this.#sync(attempt)
    else if (this.#phase === 'asks') this.#ask(attempt)
    else this.#work(attempt)
  }

  #join(attempt: number): void {
    const request = {
      groupId,
      memberId: this.#memberId,
      instanceId: null,
      maySkipAssignment: false,
      requireKnownId: true,
      clientId: `c${this.id}`,
      clientHost: '',
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    }
    this.#call<JoinOutcome>(
      attempt,
      'join',
      joinTimeoutMs,
      (coordinator, _shell, told) => {
        coordinator.join(request, told)
      },
      outcome => {
        if (outcome?.error === 'memberIdRequired') {
          this.#memberId = outcome.memberId
          this.next(1)
          return
        }
        if (outcome?.error !== 'none') {
          this.#refused(outcome?.error ?? null)
          return
        }
        this.#memberId = outcome.memberId
        this.#generation = outcome.generation
        this.#shares = new Map(outcome.members.map(({ memberId }) => [memberId, []]))
        const all = [...this.#shares.values()]
        for (let partition = 0; all.length > 0 && partition < groupPartitions; partition++)
          all[partition % all.length]!.push(partition)
        this.#phase = 'syncs'
        this.next(0)
      },
    )
  }

  #sync(attempt: number): void {
    const [memberId, generation] = [this.#memberId, this.#generation]
    const assignments = [...this.#shares].map(([member, partitions]) => ({
      memberId: member,
      assignment: Buffer.from(partitions.join()),
    }))
    const claim = { groupId, memberId, instanceId: null, generation }
    const request = { ...claim, protocolType: null, protocol: null, assignments }
    this.#call<SyncOutcome>(
      attempt,
      'sync',
      joinTimeoutMs,
      (coordinator, shell, told) => {
        coordinator.sync(request, outcome => {
          if (outcome.error === 'none')
            this.#world.groups.shared(shell, generation, memberId, partitionsOf(outcome))
          told(outcome)
        })
      },
      outcome => {
        if (outcome?.error !== 'none') {
          this.#refused(outcome?.error ?? null)
          return
        }
        this.#share = partitionsOf(outcome)
        this.#phase = 'asks'
        this.next(0)
      },
    )
  }

  /** Where the group has committed. */
  #ask(attempt: number): void {
    const share = this.#share
    this.#call<{ readonly error: ErrorName; readonly offsets: readonly number[] }>(
      attempt,
      'fetch offsets',
      answerTimeoutMs,
      (coordinator, shell, told) => {
        const error = coordinator.refusalOf(groupId)
        if (error !== 'none') return told({ error, offsets: [] })
        const offsets = share.map(partition => {
          const committed = coordinator.offsets.get(groupId, topic, partition)
          this.#world.groups.fetched(shell, partition, committed?.metadata ?? null)
          return committed?.offset ?? 0
        })
        told({ error, offsets })
      },
      outcome => {
        if (outcome?.error !== 'none') {
          this.#refused(outcome?.error ?? null)
          return
        }
        share.forEach((partition, at) => {
          this.#positions.set(partition, outcome.offsets[at]!)
        })
        this.#phase = 'works'
        this.next(turnMs)
      },
    )
  }

  #work(attempt: number): void {
    const { scheduler, isCalm, groups } = this.#world
    const [memberId, generation] = [this.#memberId, this.#generation]
    const isDone = isCalm && this.#calmCommits > 0
    const beats = isDone || scheduler.random.chance(0.4)
    const notes = this.#share.map(partition => ({
      partition,
      offset: this.#positions.get(partition)! + 1,
      note: noteOf(generation, this.id * 10_000 + this.#commits++),
    }))
    const entries = notes.map(({ partition, offset, note }) => ({
      topic,
      partition,
      committed: { offset, leaderEpoch: -1, metadata: note, commitTimestampMs: 0 },
    }))
    this.#call<ErrorName>(
      attempt,
      beats ? 'beat' : 'commit',
      answerTimeoutMs,
      (coordinator, _shell, told) => {
        const claim = { groupId, memberId, instanceId: null, generation }
        if (beats) return told(coordinator.heartbeat(claim))
        coordinator.commit(claim, entries, error => {
          if (error === 'none') for (const { partition, note } of notes) groups.committed(partition, note)
          told(error)
        })
      },
      error => {
        if (error !== 'none') {
          this.#refused(error)
          return
        }
        if (!beats) {
          for (const { partition, offset } of notes) this.#positions.set(partition, offset)
          if (isCalm) this.#calmCommits++
        }
        const oversleeps = !isCalm && scheduler.random.chance(this.#sleeps)
        this.next(oversleeps ? scheduler.between(1_000, 4_000) : turnMs)
      },
    )
  }

  #refused(error: ErrorName | null): void {
    if (error === 'unknownMemberId') this.#memberId = ''
    if (error === 'unknownMemberId' || error === 'illegalGeneration' || error === 'rebalanceInProgress') {
      this.#phase = 'joins'
      this.next(1)
      return
    }
    this.#belief.ask()
    this.next(retryMs)
  }

  /** One request and its answer; null when none came in time. */
  #call<T>(
    attempt: number,
    what: string,
    timeoutMs: number,
    run: (coordinator: GroupCoordinator, shell: ReplicaShell, told: (outcome: T) => void) => void,
    answered: (outcome: Outcome<T>) => void,
  ): void {
    const { network, brokers, scheduler } = this.#world
    const broker = brokers[this.#belief.leader - 1]!
    const settle = (outcome: Outcome<T>) => {
      if (attempt !== this.#attempt) return
      this.#attempt++
      answered(outcome)
    }
    network.send(this.id, broker.id, what, () => {
      broker.coordinate((coordinator, shell) => {
        run(coordinator, shell, outcome => {
          network.send(broker.id, this.id, `answer to ${what}`, () => settle(outcome))
        })
      })
    })
    scheduler.after(timeoutMs, `${what} timed out`, () => settle(null))
  }
}

function partitionsOf({ assignment }: SyncOutcome): readonly number[] {
  const text = assignment.toString()
  return text === '' ? [] : text.split(',').map(Number)
}
