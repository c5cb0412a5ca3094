import type { Store } from './aggregator.ts'
import type { Broker, LedgerEntry } from './broker.ts'
import type { Line, Place } from './disk.ts'

/** What really happened, which no actor may ask about. */
export interface Truth {
  readonly lines: readonly Line[]
  /** Which machine a file stands on, by the agent's name and id. */
  readonly agentOfFile: ReadonlyMap<number, string>
  readonly copied: ReadonlySet<string>
  readonly silent: ReadonlySet<string>
}

/**
 * Counted once, or in the ledger with a reason. Doubt excuses counting twice; nothing excuses a loss of
 * which the ledger does not speak; and an entry that says `possibly twice` must have had a cause.
 */
export function violations(truth: Truth, store: Store, broker: Broker): string[] {
  const found: string[] = []
  const ledger = [...broker.ledger, ...store.ledger]
  const counted = new Map<number, number>()
  for (const buckets of store.main.buckets) {
    for (const { lines } of buckets.values()) {
      for (const line of lines) counted.set(line, (counted.get(line) ?? 0) + 1)
    }
  }
  for (const line of truth.lines) {
    if (line.header) continue
    const count = counted.get(line.id) ?? 0
    const where = line.places.map(({ file, pos }) => `inode ${file.inode} position ${pos}`).join(' and ')
    if (count === 0 && !isLossKnown(line, truth, ledger)) {
      found.push(
        `line ${line.id} (${where || 'other producer'}) was written, is not counted, and no entry says so`,
      )
    }
    if (count > 1 && !isDoubleKnown(line, truth, ledger)) {
      found.push(
        `line ${line.id} (${where || 'other producer'}) is counted ${count} times, and no entry says so`,
      )
    }
    if (count === 1 && line.places.length === 1 && line.places[0]!.pass === 'filtered') {
      if (!isDoubleKnown(line, truth, ledger))
        found.push(`line ${line.id} is counted and reported as filtered`)
    }
  }
  for (const { reason, agent } of ledger) {
    if (reason === 'possibly-twice: forked' && !truth.copied.has(agent!)) {
      found.push(`the ledger suspects a copy of ${agent}, which was never copied`)
    }
    if (reason === 'possibly-twice: resumed' && !truth.silent.has(agent!)) {
      found.push(`the ledger says that ${agent} was silent, which it was not`)
    }
  }
  return found
}

function isLossKnown(line: Line, truth: Truth, ledger: readonly LedgerEntry[]): boolean {
  if (ledger.some(entry => entry.reason === 'retention-gap' && entry.lines!.includes(line.id))) return true
  if (line.places.length === 0) return false
  return line.places.every(place => isGone(place, truth, ledger))
}

function isGone(place: Place, truth: Truth, ledger: readonly LedgerEntry[]): boolean {
  if (place.unwritten || place.pass === 'filtered') return true
  const { goneAt, file, epoch, pos } = place
  if (goneAt === null) return false
  if (!file.known.has(epoch)) return true
  return ledger.some(({ at, lost, reason, agent }) => {
    if (at < goneAt) return false
    if (reason === 'checkpoint-lost') return truth.agentOfFile.get(file.uid) === agent
    return lost?.file === file && (epoch > lost.epoch || (epoch === lost.epoch && pos >= lost.from))
  })
}

function isDoubleKnown(line: Line, truth: Truth, ledger: readonly LedgerEntry[]): boolean {
  return ledger.some(({ agent, twice }) => {
    if (agent !== undefined) return line.places.some(({ file }) => truth.agentOfFile.get(file.uid) === agent)
    return twice !== undefined && line.places.some(p => p.file === twice.file && p.pos >= twice.from)
  })
}
