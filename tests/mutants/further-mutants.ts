// Planted bugs away from the replica: in groups, on the disk, and in agent and aggregator. Patches as in mutants.ts.
import type { Mutant } from './mutants.ts'

const groupStep = 'broker/groups/group-step.ts'

export const furtherMutants: readonly Mutant[] = [
  {
    id: 'M12',
    bug: 'a flush that failed is tried again, and believed when it then succeeds',
    budget: 400,
    world: 'disk',
    patches: [
      {
        file: 'broker/log/group-commit.ts',
        from: '    if (error || this.#failed) {',
        to: `    if (error && !this.#failed) {
      this.#state = 'idle'
      this.#queue.leave()
      this.request()
      return
    }
    if (this.#failed) {`,
      },
    ],
  },
  {
    id: 'M13',
    bug: 'the log is cut at the first batch that cannot be read, wherever that is',
    budget: 400,
    isQuick: true,
    world: 'disk',
    patches: [
      {
        file: 'broker/log/segment-scan.ts',
        from: 'if (expected >= bounds.durablePoint) return { damages, endPosition: position, isTorn: true }',
        to: 'if (expected >= 0) return { damages, endPosition: position, isTorn: true }',
      },
    ],
  },
  {
    id: 'M17',
    bug: 'statistics and offset are written in two transactions',
    budget: 10_000,
    rule: 'oneTransaction',
    patches: [],
  },
  {
    id: 'M18',
    bug: 'the checkpoint moves when something is sent, not when it is acknowledged',
    budget: 10_000,
    rule: 'frontierAcknowledged',
    patches: [],
  },
  {
    id: 'M22',
    bug: 'a new segment is written to before its name is on the disk',
    budget: 400,
    world: 'disk',
    patches: [
      {
        file: 'broker/log/group-commit.ts',
        from: 'this.#syncDirectory = this.directoryIsDirty',
        to: 'this.#syncDirectory = false',
      },
    ],
  },
  {
    id: 'N3',
    bug: 'whoever was a member once may commit',
    budget: 1_000,
    isQuick: true,
    patches: [
      {
        file: groupStep,
        from: `if (error !== 'none') return error
  const member = group.members.get(claim.memberId)!
  if (claim.generation !== group.generation) return 'illegalGeneration'
  if (group.state === 'completing`,
        to: `const member = group.members.get(claim.memberId)
  if (error !== 'none' || !member) return 'none'
  if (group.state === 'completing`,
      },
    ],
  },
  {
    id: 'N4',
    bug: 'groups are read back before they are committed',
    budget: 3_000,
    patches: [
      {
        file: 'tests/sim/replica-shell.ts',
        from: '    this.#waiting.push({ end: this.log.end, told })\n    this.#release()',
        to: "    told('none')",
      },
    ],
  },
  {
    id: 'N6',
    bug: 'a member is told its share before that is committed',
    budget: 1_000,
    isQuick: true,
    patches: [
      {
        file: groupStep,
        from: "  turn.effects.push({ type: 'persist', generation: group.generation })",
        to: "  turn.effects.push({ type: 'persist', generation: group.generation })\n  becomeStable(group, turn)",
      },
    ],
  },
]
