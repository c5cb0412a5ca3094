// Where replicas should lie when brokers come or go: as few replicas as possible move, every broker ends with the same
// share of them and of the preferred leaderships, within one. Pure: who computes a plan twice gets nothing to do the
// second time, so an interrupted move is resumed by planning again.

export interface PlacedPartition {
  readonly topic: string
  readonly index: number
  /** The first is the preferred leader. */
  readonly replicas: readonly number[]
}

export interface PlacementWish {
  /** Who may hold replicas. Whoever is not named loses what it has. */
  readonly brokers: readonly number[]
  /** How many replicas a partition is to have that has so many now; at most as many as there are brokers. */
  readonly copiesOf: (present: number) => number
  /** Also move replicas that could stay, until every broker has its share. */
  readonly even: boolean
}

interface Draft {
  readonly topic: string
  readonly index: number
  readonly replicas: number[]
}

/** The partitions whose replicas, or whose preferred leader, change. */
export function planPlacement(now: readonly PlacedPartition[], wish: PlacementWish): PlacedPartition[] {
  const brokers = [...wish.brokers].sort((one, other) => one - other)
  const drafts = now.map(({ topic, index, replicas }): Draft => {
    const copies = wish.copiesOf(replicas.length)
    return { topic, index, replicas: replicas.filter(id => brokers.includes(id)).slice(0, copies) }
  })
  for (const [at, draft] of drafts.entries()) {
    fill(draft, wish.copiesOf(now[at]!.replicas.length), drafts, brokers)
  }
  if (wish.even) evenReplicas(drafts, brokers)
  for (const topic of new Set(drafts.map(draft => draft.topic))) {
    evenLeaders(
      drafts.filter(draft => draft.topic === topic),
      brokers,
      () => true,
    )
  }
  // Over all topics too, as far as no topic becomes uneven by it.
  evenLeaders(drafts, brokers, (draft, to) => {
    const led = leadersOf(drafts.filter(({ topic }) => topic === draft.topic))
    return count(led, draft.replicas[0]!) > count(led, to)
  })
  return drafts.filter((draft, at) => !sameOrder(draft.replicas, now[at]!.replicas))
}

function fill(draft: Draft, copies: number, drafts: readonly Draft[], brokers: readonly number[]): void {
  while (draft.replicas.length < Math.min(copies, brokers.length)) {
    const held = replicasOf(drafts)
    const ofTopic = replicasOf(drafts.filter(({ topic }) => topic === draft.topic))
    const free = brokers.filter(id => !draft.replicas.includes(id))
    draft.replicas.push(leastOf(free, id => count(held, id) * 1e6 + count(ofTopic, id)))
  }
}

/** One replica at a time, from whoever has most to whoever has least and may take it. */
function evenReplicas(drafts: readonly Draft[], brokers: readonly number[]): void {
  for (;;) {
    const held = replicasOf(drafts)
    const pairs = brokers
      .flatMap(from => brokers.map(to => ({ from, to, gap: count(held, from) - count(held, to) })))
      .filter(({ gap }) => gap > 1)
      .sort((one, other) => other.gap - one.gap)
    const move = firstOf(pairs, ({ from, to }) => {
      const movable = drafts.filter(({ replicas }) => replicas.includes(from) && !replicas.includes(to))
      if (movable.length === 0) return null
      const draft = leastOf(movable, ({ topic }) => {
        const ofTopic = replicasOf(drafts.filter(other => other.topic === topic))
        return count(ofTopic, to) - count(ofTopic, from)
      })
      return { draft, from, to }
    })
    if (!move) return
    move.draft.replicas[move.draft.replicas.indexOf(move.from)] = move.to
  }
}

/** Reorders replicas, which moves no data: along a chain of partitions where no single one would do. */
function evenLeaders(
  drafts: readonly Draft[],
  brokers: readonly number[],
  mayMove: (draft: Draft, to: number) => boolean,
): void {
  for (let round = 0; round <= drafts.length; round++) {
    const led = leadersOf(drafts)
    const byLoad = [...brokers].sort((one, other) => count(led, other) - count(led, one))
    const chain = firstOf(byLoad, from => chainFrom(from, drafts, led, mayMove))
    if (!chain) return
    for (const { draft, to } of chain) {
      const at = draft.replicas.indexOf(to)
      draft.replicas[at] = draft.replicas[0]!
      draft.replicas[0] = to
    }
  }
}

interface Step {
  readonly draft: Draft
  readonly to: number
}

/** The shortest way to hand one leadership on to somebody who has at least two less. */
function chainFrom(
  from: number,
  drafts: readonly Draft[],
  led: ReadonlyMap<number, number>,
  mayMove: (draft: Draft, to: number) => boolean,
): Step[] | null {
  const reached = new Map<number, Step[]>([[from, []]])
  for (const [broker, chain] of reached) {
    if (count(led, from) - count(led, broker) > 1) return chain
    for (const draft of drafts) {
      if (draft.replicas[0] !== broker) continue
      for (const to of draft.replicas) {
        if (!reached.has(to) && mayMove(draft, to)) reached.set(to, [...chain, { draft, to }])
      }
    }
  }
  return null
}

function replicasOf(drafts: readonly Draft[]): Map<number, number> {
  return tally(drafts.flatMap(({ replicas }) => replicas))
}

function leadersOf(drafts: readonly Draft[]): Map<number, number> {
  return tally(drafts.flatMap(({ replicas }) => replicas.slice(0, 1)))
}

function tally(ids: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(id, count(counts, id) + 1)
  return counts
}

function count(counts: ReadonlyMap<number, number>, id: number): number {
  return counts.get(id) ?? 0
}

function leastOf<T>(all: readonly T[], weigh: (one: T) => number): T {
  return all.reduce((best, one) => (weigh(one) < weigh(best) ? one : best))
}

function firstOf<T, Found>(all: readonly T[], find: (one: T) => Found | null): Found | null {
  for (const one of all) {
    const found = find(one)
    if (found !== null) return found
  }
  return null
}

function sameOrder(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, at) => id === other[at])
}
