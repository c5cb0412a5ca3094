// What clients of a log did and saw, as a list of events in one order: invocations, completions, faults, changes of
// leadership. `operationsOf` joins invocations with completions. Pure; the shape is that of Jepsen's Kafka tests.

/** Topic and partition, `topic/0`. */
export type Key = string

/** Where a value was found. */
export type Read = readonly [offset: number, value: number]

export interface Send {
  readonly f: 'send'
  readonly key: Key
  /** Unique within its key. */
  readonly value: number
  /** Null while unknown. */
  readonly offset: number | null
}

/** One send of several values, at offsets side by side from the first on when that is known. */
export function sendsOf(key: Key, values: readonly number[], first: number | null): Send[] {
  return values.map((value, index) => {
    return { f: 'send', key, value, offset: first === null ? null : first + index }
  })
}

export interface Poll {
  readonly f: 'poll'
  /** In the order in which they were handed out. */
  readonly reads: Readonly<Record<Key, readonly Read[]>>
}

export type Action = Send | Poll

/** Unknown (`info`): it may have happened, and may yet. Failed: it has not happened and never will. */
export type Completion = 'ok' | 'fail' | 'info'

interface EventBase {
  readonly timeNs: number
  /** Sequential: it invokes nothing before the last invocation is complete, and ends with a crash or an info. */
  readonly process: number
  /** Why it did not succeed, for people. */
  readonly error?: string
}

export interface DataEvent extends EventBase {
  readonly type: 'invoke' | Completion
  readonly f: 'send' | 'poll' | 'txn'
  readonly actions: readonly Action[]
  /** Keys that a rebalance gave or took while this operation ran. */
  readonly rebalanced?: readonly Key[]
}

export interface PlacementEvent extends EventBase {
  readonly type: 'invoke' | Completion
  readonly f: 'assign' | 'subscribe'
  readonly keys: readonly Key[]
}

export interface CrashEvent extends EventBase {
  readonly type: 'info'
  readonly f: 'crash'
}

/** What the run did to the brokers. Class by its number in the catalogue, `F1`; `calm` for a window without. */
export interface FaultEvent extends EventBase {
  readonly type: 'info'
  readonly f: 'fault'
  readonly fault: string
  readonly what: string
}

/** A change in who leads, as a client was told. */
export interface LeaderEvent extends EventBase {
  readonly type: 'info'
  readonly f: 'leader'
  readonly key: Key
  readonly leader: number
  readonly epoch: number
}

/** All faults are over; what follows are the last reads, which must find everything. */
export interface FinalEvent extends EventBase {
  readonly type: 'info'
  readonly f: 'final'
}

export type HistoryEvent = DataEvent | PlacementEvent | CrashEvent | FaultEvent | LeaderEvent | FinalEvent

/** The process of events that no client caused. */
export const nobody = -1

/** An invocation and what became of it. Positions are indexes into the history. */
export interface Operation {
  readonly id: number
  readonly process: number
  readonly f: 'send' | 'poll' | 'txn' | 'assign' | 'subscribe' | 'crash'
  readonly type: Completion
  readonly invokedAt: number
  /** Infinity when it never completed. */
  readonly completedAt: number
  readonly invokedNs: number
  readonly completedNs: number
  readonly actions: readonly Action[]
  readonly keys: readonly Key[]
  readonly rebalanced: readonly Key[]
}

const none: readonly never[] = []

/** In the order of completion, those never completed last. Throws on what no recorder may write. */
export function operationsOf(history: readonly HistoryEvent[]): Operation[] {
  const operations: Operation[] = []
  const open = new Map<number, { readonly at: number; readonly event: DataEvent | PlacementEvent }>()
  const add = (at: number, event: DataEvent | PlacementEvent, end: number, outcome: typeof event) => {
    const isData = 'actions' in outcome
    operations.push({
      id: operations.length,
      process: event.process,
      f: event.f,
      type: outcome.type === 'invoke' ? 'info' : outcome.type,
      invokedAt: at,
      completedAt: end,
      invokedNs: event.timeNs,
      completedNs: end === Number.POSITIVE_INFINITY ? end : outcome.timeNs,
      actions: isData ? outcome.actions : none,
      keys: isData ? none : outcome.keys,
      rebalanced: isData ? (outcome.rebalanced ?? none) : none,
    })
  }
  for (let at = 0; at < history.length; at++) {
    const event = history[at]!
    if (event.f === 'crash') operations.push(crashAt(at, event, operations.length))
    if (event.f === 'crash' || event.f === 'fault' || event.f === 'leader' || event.f === 'final') continue
    const begun = open.get(event.process)
    if (event.type === 'invoke') {
      if (begun) throw new TypeError(`Process ${event.process} invokes at ${at} while one is open`)
      open.set(event.process, { at, event })
    } else {
      if (!begun) throw new TypeError(`Process ${event.process} completes at ${at} what it never invoked`)
      open.delete(event.process)
      add(begun.at, begun.event, at, event)
    }
  }
  for (const { at, event } of open.values()) add(at, event, Number.POSITIVE_INFINITY, event)
  return operations
}

function crashAt(at: number, event: CrashEvent, id: number): Operation {
  return {
    id,
    process: event.process,
    f: 'crash',
    type: 'info',
    invokedAt: at,
    completedAt: at,
    invokedNs: event.timeNs,
    completedNs: event.timeNs,
    actions: none,
    keys: none,
    rebalanced: none,
  }
}
