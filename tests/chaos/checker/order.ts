// Rules about what one process sees and sends in which order: C5 between its polls, C6 inside one, C7 for its sends,
// C12 how often it is handed the same. Pure; one pass.
import type { Finding, Promises, RuleName } from './finding.ts'
import type { Key, Operation, Read } from './history.ts'
import type { Facts, KeyLog } from './key-log.ts'

/** C5 and C6. */
export function pollOrder({ operations, logs }: Facts): Finding[] {
  const findings: Finding[] = []
  const readers = new Map<number, Reader>()
  for (const operation of operations) {
    if (operation.f === 'crash') readers.delete(operation.process)
    else if (operation.f === 'assign' || operation.f === 'subscribe')
      place(readerOf(readers, operation), operation)
    else {
      const reads = readsByKey(operation)
      if (reads.size === 0) continue
      const reader = readerOf(readers, operation)
      for (const [key, list] of reads) {
        const log = logs.get(key)!
        comparePolls(findings, operation, log, reader, list)
        compareInside(findings, operation, log, list)
        // What a poll that did not succeed handed out will be handed out again.
        if (operation.type === 'ok') reader.last.set(key, log.indexOfOffset(list.at(-1)![0])!)
      }
    }
  }
  return findings
}

interface Reader {
  /** Key → index of the last value that an ok poll has handed out. */
  readonly last: Map<Key, number>
  subscribed: boolean
}

function readerOf(readers: Map<number, Reader>, { process }: Operation): Reader {
  let reader = readers.get(process)
  if (!reader) readers.set(process, (reader = { last: new Map(), subscribed: false }))
  return reader
}

/** What is no longer assigned is not compared when it comes back. */
function place(reader: Reader, { f, type, keys }: Operation): void {
  if (type === 'fail') return
  reader.subscribed = f === 'subscribe'
  for (const key of reader.last.keys()) if (!keys.includes(key)) reader.last.delete(key)
}

function comparePolls(
  findings: Finding[],
  operation: Operation,
  log: KeyLog,
  reader: Reader,
  list: readonly Read[],
): void {
  const before = reader.last.get(log.key)
  if (before === undefined) return
  const now = log.indexOfOffset(list[0]![0])!
  const rule = stepRule(now - before, 'nonmonotonic-poll', 'poll-skip')
  if (rule) findings.push(step(rule, operation, log, before, now, !reader.subscribed))
}

function compareInside(findings: Finding[], operation: Operation, log: KeyLog, list: readonly Read[]): void {
  if (operation.rebalanced.includes(log.key)) return
  for (let place = 1; place < list.length; place++) {
    const before = log.indexOfOffset(list[place - 1]![0])!
    const now = log.indexOfOffset(list[place]![0])!
    const rule = stepRule(now - before, 'int-nonmonotonic-poll', 'int-poll-skip')
    if (rule) findings.push(step(rule, operation, log, before, now, true))
  }
}

/** C7. A value whose place is not known is taken to stand where it should. */
export function sendOrder({ operations, logs }: Facts, promises: Promises): Finding[] {
  const findings: Finding[] = []
  const senders = new Map<number, Map<Key, number>>()
  for (const operation of operations) {
    if (operation.f === 'crash') senders.delete(operation.process)
    if (operation.type === 'fail') continue
    const inside = new Map<Key, number>()
    for (const action of operation.actions) {
      if (action.f !== 'send') continue
      const log = logs.get(action.key)!
      const now = action.offset === null ? undefined : log.indexOfOffset(action.offset)
      const index = now ?? log.firstIndex(action.value)
      if (index === undefined) {
        inside.delete(action.key)
        continue
      }
      const sibling = inside.get(action.key)
      const before = sibling ?? senders.get(operation.process)?.get(action.key)
      inside.set(action.key, index)
      if (before === undefined) continue
      const rule: RuleName | null =
        sibling === undefined
          ? index - before < 1
            ? 'nonmonotonic-send'
            : null
          : stepRule(index - before, 'int-nonmonotonic-send', 'int-send-skip')
      const isError = rule !== 'int-send-skip' || promises.sendsAreBatches
      if (rule) findings.push(step(rule, operation, log, before, index, isError))
    }
    if (inside.size === 0) continue
    const last = senders.get(operation.process) ?? new Map<Key, number>()
    for (const [key, index] of inside) last.set(key, index)
    senders.set(operation.process, last)
  }
  return findings
}

export interface ConsumeCounts {
  /** How often the value was handed to one process of a group that was handed to it most often. */
  readonly most: number
  /** How many values were handed to one process more than once. */
  readonly again: number
  readonly findings: readonly Finding[]
}

/** C12: only where a group decides what is read, since who assigns may seek. */
export function consumeCounts({ operations, logs }: Facts, promises: Promises): ConsumeCounts {
  const counts = new Map<number, Map<Key, Map<number, number>>>()
  const findings: Finding[] = []
  let most = 0
  let again = 0
  for (const operation of operations) {
    const { process, f, type } = operation
    if (f === 'subscribe' && type !== 'fail' && !counts.has(process)) counts.set(process, new Map())
    else if (f === 'assign' || f === 'crash') counts.delete(process)
    const ofProcess = counts.get(process)
    if (!ofProcess || type !== 'ok') continue
    for (const [key, list] of readsByKey(operation)) {
      let ofKey = ofProcess.get(key)
      if (!ofKey) ofProcess.set(key, (ofKey = new Map()))
      for (const [, value] of list) {
        const times = (ofKey.get(value) ?? 0) + 1
        ofKey.set(value, times)
        most = Math.max(most, times)
        if (times !== 2) continue
        again++
        const index = logs.get(key)!.firstIndex(value)!
        findings.push(step('consumed-again', operation, logs.get(key)!, index, index, promises.consumesOnce))
      }
    }
  }
  return { most, again, findings }
}

/**
 * Ours, beside C5: a group may go back, and its members may change keys, but what the group as a whole has gone past
 * one of them was handed. All subscribers of a history are one group.
 */
export function groupSkips({ operations, logs }: Facts): Finding[] {
  const grouped = new Set<number>()
  const handed = new Map<Key, Set<number>>()
  for (const operation of operations) {
    if (operation.f === 'subscribe') grouped.add(operation.process)
    if (!grouped.has(operation.process)) continue
    for (const [key, list] of readsByKey(operation)) {
      const offsets = handed.get(key) ?? new Set()
      handed.set(key, offsets)
      for (const [offset] of list) offsets.add(offset)
    }
  }
  const findings: Finding[] = []
  for (const [key, offsets] of handed) {
    const rising = [...offsets].sort((one, other) => one - other)
    const [first, last] = [rising[0]!, rising.at(-1)!]
    const log = logs.get(key)!
    const skipped = log.offsets.filter(offset => offset > first && offset < last && !offsets.has(offset))
    if (skipped.length === 0) continue
    const values = skipped.flatMap(offset => log.valuesAt(log.indexOfOffset(offset)!))
    findings.push({ rule: 'group-skip', key, values, offsets: skipped, at: [], isError: true })
  }
  return findings
}

/** All that one operation handed out, key by key. */
export function readsByKey(operation: Operation): Map<Key, readonly Read[]> {
  const reads = new Map<Key, readonly Read[]>()
  for (const action of operation.actions) {
    if (action.f !== 'poll') continue
    for (const key in action.reads) {
      const list = action.reads[key]!
      if (list.length === 0) continue
      const earlier = reads.get(key)
      reads.set(key, earlier ? [...earlier, ...list] : list)
    }
  }
  return reads
}

function stepRule<Back extends RuleName, Ahead extends RuleName>(
  distance: number,
  back: Back,
  ahead: Ahead,
): Back | Ahead | null {
  return distance < 1 ? back : distance > 1 ? ahead : null
}

/** Of a skip, the values left out; of anything else, those it went from and to. */
function step(
  rule: RuleName,
  operation: Operation,
  log: KeyLog,
  before: number,
  now: number,
  isError: boolean,
): Finding {
  const values: number[] = []
  if (now > before) for (let index = before + 1; index < now; index++) values.push(...log.valuesAt(index))
  else values.push(...new Set([...log.valuesAt(before), ...log.valuesAt(now)]))
  const offsets = [log.offsets[before]!, log.offsets[now]!]
  return { rule, key: log.key, values, offsets, at: [operation.completedAt], isError }
}
