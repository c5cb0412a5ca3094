// Bugs that others have made, as small replacements in the sources: the simulator's own exam. Numbers are those of the
// catalogue of planted bugs; what a number says is what the bug does. N1 and so on are ours. The simulated log on disk
// looks for 12, 13 and 22, the model of the delivery contract for 17 and 18. 21 (names instead of ids in a fetch) has
// no place: followers ask by id in the only version they speak, and a log answers to no other name.
import type { Rule } from '../model/rules.ts'
import { furtherMutants } from './further-mutants.ts'

export interface Patch {
  readonly file: string
  readonly from: string
  readonly to: string
}

export interface Mutant {
  readonly id: string
  readonly bug: string
  readonly patches: readonly Patch[]
  /** Seeds within which it must be found. */
  readonly budget: number
  /** Found fast enough for every `npm test`. */
  readonly isQuick?: boolean
  /** Where it is looked for; the cluster unless said otherwise. */
  readonly world?: 'disk'
  /** A rule of the model that is switched off, instead of patches. */
  readonly rule?: Rule
}

const replica = 'broker/replication/replica.ts'
const inSync = 'broker/replication/in-sync.ts'
const fencing = 'broker/replication/fencing.ts'
const isrWriter = 'broker/isr-writer.ts'
const registration = 'broker/controller/registration.ts'
/** Stands for the shells around the cores; a bug in it shows what the simulator would see, not what it has seen. */
const shell = 'tests/sim/replica-shell.ts'

export const mutants: readonly Mutant[] = [
  {
    id: 'M1',
    bug: 'a follower cuts its log to its high watermark when it begins to follow',
    budget: 400,
    isQuick: true,
    patches: [
      {
        file: shell,
        from: '      this.#flush()\n      this.#nextRound()\n',
        to: `      log.truncateTo(replica.highWatermark)
      this.step({ type: 'truncated', logEndOffset: log.end, durableEnd: log.durableEnd })
      this.#nextRound()
`,
      },
    ],
  },
  {
    id: 'M2',
    bug: 'the end of an epoch that a leader never had is told under the epoch asked for',
    budget: 3_000,
    patches: [
      {
        file: 'broker/log/leader-epochs.ts',
        from: '{ epoch: this.#entries[next - 1]!.epoch, endOffset }',
        to: '{ epoch, endOffset }',
      },
    ],
  },
  {
    id: 'M3',
    bug: 'fetches of another epoch count',
    budget: 1_000,
    patches: [
      {
        file: replica,
        from: "if (replica.role !== 'leader' || leaderEpoch !== replica.leaderEpoch) return\n  if (fetchOffset",
        to: "if (replica.role !== 'leader') return\n  if (leaderEpoch > 1e9) return\n  if (fetchOffset",
      },
      { file: fencing, from: 'if (currentLeaderEpoch >= 0) {', to: 'if (currentLeaderEpoch >= 1e9) {' },
    ],
  },
  {
    id: 'M4',
    bug: 'the high watermark waits for the stored set alone, not for the one that was asked for',
    budget: 3_000,
    patches: [
      {
        file: inSync,
        from: 'if (proposedIsr === null) return isr',
        to: 'if (proposedIsr !== undefined) return isr',
      },
    ],
  },
  {
    id: 'M5',
    bug: 'the high watermark moves with fewer in sync than the minimum',
    budget: 400,
    isQuick: true,
    patches: [
      {
        file: replica,
        from: "if (replica.role !== 'leader' || replica.isr.length < replica.minIsr) return",
        to: "if (replica.role !== 'leader') return",
      },
    ],
  },
  {
    id: 'M6',
    bug: 'a replica joins the set before it has what was there when the epoch began',
    budget: 3_000,
    patches: [
      {
        file: inSync,
        from: 'const hasCommitted = progress.fetchOffset >= highWatermark && progress.fetchOffset >= epochStartOffset',
        to: 'const hasCommitted = progress.fetchOffset >= highWatermark && epochStartOffset >= 0',
      },
      // Having been caught up in this epoch implies it: the catalogue's bug is the lack of both.
      {
        file: inSync,
        from: 'return hasCommitted && isKeepingUp(progress, nowMs, lagTimeMaxMs)',
        to: 'return hasCommitted && lagTimeMaxMs + nowMs > 0',
      },
    ],
  },
  {
    id: 'M7',
    bug: 'what a replica fetched in an earlier epoch counts in this one',
    budget: 3_000,
    patches: [
      {
        file: replica,
        from: '  replica.followers.clear()\n  replica.logEndOffset',
        to: '  replica.logEndOffset',
      },
      {
        file: replica,
        from: '    replica.followers.set(brokerId, newProgress(grant.isr.includes(brokerId) ? nowMs : -Infinity))',
        to: '    if (!replica.followers.has(brokerId)) replica.followers.set(brokerId, newProgress(nowMs))',
      },
      {
        file: replica,
        from: '  replica.proposedIsr = null\n  replica.followers.clear()\n',
        to: '  replica.proposedIsr = null\n',
      },
    ],
  },
  {
    id: 'M8',
    bug: 'the life of a new member is not compared with the one that fetched',
    budget: 3_000,
    patches: [
      {
        file: inSync,
        from: 'replica.brokerEpochs.get(brokerId) === replica.followers.get(brokerId)?.brokerEpoch',
        to: 'replica.brokerEpochs.has(brokerId)',
      },
      {
        file: isrWriter,
        from: '!broker || broker.epoch !== epoch || broker.isLeaving',
        to: '!broker || epoch < -1',
      },
    ],
  },
  {
    id: 'M9',
    bug: 'the controller writes over whatever a partition holds, whether it is the controller or not',
    budget: 3_000,
    patches: [
      {
        file: 'broker/controller/controller.ts',
        from: `  #write(operations: readonly Operation[]): Promise<WriteOutcome> {
    const { store, image } = this.#options
    return write(store, image, [this.#own], operations)`,
        to: `  async #write(operations: readonly Operation[]): Promise<WriteOutcome> {
    const { store, image } = this.#options
    const fresh: Operation[] = []
    for (const operation of operations) {
      const held = 'update' in operation ? await store.get(operation.update) : null
      fresh.push('update' in operation && held ? { ...operation, version: held.version } : operation)
    }
    return write(store, image, [], fresh)`,
      },
    ],
  },
  {
    id: 'M10',
    bug: 'the leader counts its own bytes before they are flushed',
    budget: 400,
    isQuick: true,
    patches: [
      {
        file: replica,
        from: 'if (!replica.countsFlushedBytes) advanceOwnEnd',
        to: 'if (replica.role) advanceOwnEnd',
      },
    ],
  },
  {
    id: 'M11',
    bug: 'a broker that lost its disk does not say so',
    budget: 400,
    isQuick: true,
    patches: [
      {
        file: registration,
        from: 'const isWiped = before?.directoryId !== identity.directoryId',
        to: 'const isWiped = before === null',
      },
    ],
  },
  {
    id: 'M14',
    bug: 'a fetch answer of an earlier round is written',
    budget: 3_000,
    patches: [
      {
        file: shell,
        from: "if (isOurs && replica.role === 'follower' && log.end === fetchOffset && this.#heard === null)",
        to: "if ((isOurs || round) && replica.role === 'follower')",
      },
    ],
  },
  {
    id: 'M15',
    bug: 'what producers sent before a restart is forgotten',
    budget: 1_000,
    patches: [
      {
        file: 'tests/sim/memory-log.ts',
        from: '    this.entries.forEach((entry, offset) => {',
        to: '    this.entries.slice(this.end).forEach((entry, offset) => {',
      },
    ],
  },
  {
    id: 'M16',
    bug: 'a repeated batch is refused as out of order',
    budget: 400,
    isQuick: true,
    patches: [
      {
        file: 'broker/log/producer-state.ts',
        from: "        return 'duplicate'",
        to: "        return 'outOfOrderSequenceNumber'",
      },
    ],
  },
  {
    id: 'M19',
    bug: 'hints of a watch are believed in the order in which they come',
    budget: 1_000,
    patches: [
      {
        file: 'broker/controller/cluster-image.ts',
        from: 'known !== undefined && at < known',
        to: 'known !== undefined && at < 0n',
      },
    ],
  },
  {
    id: 'M20',
    bug: 'a leader promises without looking at its lease',
    budget: 3_000,
    patches: [
      { file: fencing, from: ' && (isLeaseHeld || isAttended(replica, nowMs))', to: ' && nowMs >= 0' },
    ],
  },
  {
    id: 'M23',
    bug: 'the last writer of an in-sync set wins',
    budget: 3_000,
    patches: [
      {
        file: isrWriter,
        from: ' || !isBasis(known.value, proposal)',
        to: ' || !isBasis(known.value, proposal) === null',
      },
      { file: isrWriter, from: 'version: known.version }', to: 'version: (await store.get(key))!.version }' },
    ],
  },
  {
    id: 'N1',
    bug: 'a broker that lost its disk leaves its sets while its earlier life is still registered',
    budget: 3_000,
    patches: [
      {
        file: registration,
        from: '  for (;;) {\n    await refresh(store, image)\n    const guards',
        to:
          '  await refresh(store, image)\n  await leaveLostSets(options)\n' +
          '  for (;;) {\n    await refresh(store, image)\n    const guards',
      },
      { file: registration, from: '      if (!left) await leaveLostSets(options)\n', to: '' },
    ],
  },
  {
    id: 'N2',
    bug: 'an office that its holder gave up is taken by nobody',
    budget: 1_000,
    patches: [
      {
        file: 'broker/membership.ts',
        from: 'image.controller === null || image.controller.incarnation === this.#registration?.incarnation',
        to: 'image.controller === null',
      },
    ],
  },
  ...furtherMutants,
]
