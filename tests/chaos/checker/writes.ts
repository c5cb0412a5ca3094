// Rules about what became of writes: C1 lost, C2 failed and yet read, C3 two values at one offset, C4 one value at
// two, C8 acknowledged and never seen by the last reads, C9 read by the operation that sends it. Pure.
import type { Finding, Promises } from './finding.ts'
import type { HistoryEvent } from './history.ts'
import type { Facts, KeyLog } from './key-log.ts'

/** C1: everybody has read past it, it was written, and nobody has read it. */
export function lostWrites({ logs, mustCommit }: Facts): Finding[] {
  const findings: Finding[] = []
  for (const log of logs.values()) {
    let bound = -1
    for (const value of log.okRead) bound = Math.max(bound, log.firstIndex(value) ?? -1)
    const lost = new Set<number>()
    for (let index = 0; index <= bound; index++) {
      for (const value of log.valuesAt(index)) {
        if (log.okRead.has(value) || log.lastIndex(value)! > bound) continue
        const writer = log.writer.get(value)
        if (writer && mustCommit(writer)) lost.add(value)
      }
    }
    if (lost.size > 0) findings.push(about('lost-write', log, [...lost]))
  }
  return findings
}

/** C2 (G1a). */
export function abortedReads({ logs }: Facts): Finding[] {
  const findings: Finding[] = []
  for (const log of logs.values()) {
    const aborted = [...log.okRead].filter(value => log.writer.get(value)?.type === 'fail')
    if (aborted.length > 0) findings.push(about('aborted-read', log, aborted))
  }
  return findings
}

/** C3. */
export function inconsistentOffsets({ logs }: Facts): Finding[] {
  const findings: Finding[] = []
  for (const log of logs.values()) {
    for (const [offset, slot] of log.slots) {
      if (typeof slot === 'number') continue
      findings.push({ ...about('inconsistent-offsets', log, [...slot]), offsets: [offset] })
    }
  }
  return findings
}

/** C4. */
export function duplicates({ logs }: Facts, promises: Promises): Finding[] {
  const findings: Finding[] = []
  for (const log of logs.values()) {
    for (const [value, offsets] of log.duplicates) {
      const found = about('duplicate', log, [value])
      findings.push({ ...found, offsets: [...offsets].sort(rising), isError: promises.idempotent })
    }
  }
  return findings
}

/** C8: only after the last reads, since before them nobody need have come this far. */
export function unseenWrites({ logs }: Facts, history: readonly HistoryEvent[]): Finding[] {
  if (!history.some(event => event.f === 'final')) return []
  const findings: Finding[] = []
  for (const log of logs.values()) {
    const unseen: number[] = []
    for (const [value, writer] of log.writer) {
      if (writer.type === 'ok' && !log.okRead.has(value)) unseen.push(value)
    }
    if (unseen.length > 0) findings.push(about('unseen', log, unseen))
  }
  return findings
}

/** C9. */
export function precommittedReads({ operations, logs }: Facts): Finding[] {
  const findings: Finding[] = []
  for (const operation of operations) {
    if (operation.f !== 'txn') continue
    for (const action of operation.actions) {
      if (action.f !== 'poll') continue
      for (const key in action.reads) {
        const log = logs.get(key)!
        const own = action.reads[key]!.filter(([, value]) => log.writer.get(value) === operation)
        if (own.length === 0) continue
        findings.push(
          about(
            'precommitted-read',
            log,
            own.map(([, value]) => value),
          ),
        )
      }
    }
  }
  return findings
}

function about(rule: Finding['rule'], log: KeyLog, values: number[]): Finding {
  values.sort(rising)
  const at = values.flatMap(value => {
    const writer = log.writer.get(value)
    return writer && writer.completedAt !== Number.POSITIVE_INFINITY ? [writer.completedAt] : []
  })
  return { rule, key: log.key, values, offsets: [], at, isError: true }
}

function rising(one: number, other: number): number {
  return one - other
}
