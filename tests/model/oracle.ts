// Knows everything, and says what became of every line. Pure.
import type { Store } from './aggregator.ts'
import type { Broker, LedgerEntry } from './broker.ts'
import type { Line, Place } from './disk.ts'

/** What really happened, which no actor may ask about. */
export interface Truth {
  readonly lines: readonly Line[]
  /** Which machine a file stands on, by its agent's id. */
  readonly agentOfFile: ReadonlyMap<number, string>
  readonly copied: ReadonlySet<string>
  readonly silent: ReadonlySet<string>
}

/** What became of a line. The last two are violations. */
export type Fate =
  | 'counted once'
  | 'counted more than once, ledgered'
  | 'filtered'
  | 'taken back by a power cut or a rollback'
  | 'gone before an agent knew of it'
  | 'lost, ledgered'
  | 'lost without a word'
  | 'doubled without a word'

export interface Verdict {
  readonly violations: readonly string[]
  /** How many lines met which fate, and how many entries of which reason the ledger has. */
  readonly tally: ReadonlyMap<Fate | LedgerEntry['reason'], number>
}

/**
 * Counted once, or in the ledger with a reason. Doubt excuses counting twice; nothing excuses a loss of
 * which the ledger does not speak; and an entry that says `possibly twice` must have had a cause.
 */
export function judge(truth: Truth, store: Store, broker: Broker): Verdict {
  const violations: string[] = []
  const tally = new Map<Fate | LedgerEntry['reason'], number>()
  const ledger = [...broker.ledger, ...store.ledger]
  const counted = countsOf(store)
  for (const line of truth.lines) {
    if (line.header) continue
    const count = counted.get(line.id) ?? 0
    const fate = fateOf(line, count, truth, ledger)
    tally.set(fate, (tally.get(fate) ?? 0) + 1)
    if (fate === 'lost without a word') {
      violations.push(`line ${line.id} (${whereIs(line)}) was written, is not counted, and no entry says so`)
    } else if (fate === 'doubled without a word') {
      const what = count > 1 ? `counted ${count} times` : 'counted and reported as filtered'
      violations.push(`line ${line.id} (${whereIs(line)}) is ${what}, and no entry says so`)
    }
  }
  for (const { reason, agent } of ledger) {
    tally.set(reason, (tally.get(reason) ?? 0) + 1)
    if (reason === 'possibly-twice: forked' && !truth.copied.has(agent!)) {
      violations.push(`the ledger suspects a copy of ${agent}, which was never copied`)
    }
    if (reason === 'possibly-twice: resumed' && !truth.silent.has(agent!)) {
      violations.push(`the ledger says that ${agent} was silent, which it was not`)
    }
  }
  return { violations, tally }
}

function countsOf(store: Store): Map<number, number> {
  const counted = new Map<number, number>()
  for (const buckets of store.main.buckets) {
    for (const { lines } of buckets.values()) {
      for (const line of lines) counted.set(line, (counted.get(line) ?? 0) + 1)
    }
  }
  return counted
}

function fateOf(line: Line, count: number, truth: Truth, ledger: readonly LedgerEntry[]): Fate {
  const isFiltered = line.places.length === 1 && line.places[0]!.pass === 'filtered'
  if (count > 1 || (count === 1 && isFiltered)) {
    return isDoubleKnown(line, truth, ledger) ? 'counted more than once, ledgered' : 'doubled without a word'
  }
  if (count === 1) return 'counted once'
  if (ledger.some(entry => entry.lines?.includes(line.id))) return 'lost, ledgered'
  // A copied line is lost only if it is lost in each of its places.
  const fates = line.places.map(place => fateAt(place, truth, ledger))
  if (fates.length === 0 || fates.includes('lost without a word')) return 'lost without a word'
  return fates[0]!
}

function fateAt(place: Place, truth: Truth, ledger: readonly LedgerEntry[]): Fate {
  const { goneAt, file, epoch, pos } = place
  if (place.unwritten) return 'taken back by a power cut or a rollback'
  if (place.pass === 'filtered') return 'filtered'
  if (goneAt === null) return 'lost without a word'
  const isLedgered = ledger.some(({ at, lost, reason, agent }) => {
    if (at < goneAt) return false
    if (reason === 'checkpoint-lost') return truth.agentOfFile.get(file.uid) === agent
    return lost?.file === file && (epoch > lost.epoch || (epoch === lost.epoch && pos >= lost.from))
  })
  if (isLedgered) return 'lost, ledgered'
  return file.known.has(epoch) ? 'lost without a word' : 'gone before an agent knew of it'
}

function isDoubleKnown(line: Line, truth: Truth, ledger: readonly LedgerEntry[]): boolean {
  return ledger.some(({ agent, twice }) => {
    if (agent !== undefined) return line.places.some(({ file }) => truth.agentOfFile.get(file.uid) === agent)
    return twice !== undefined && line.places.some(p => p.file === twice.file && p.pos >= twice.from)
  })
}

function whereIs({ places }: Line): string {
  const where = places.map(({ file, pos }) => `inode ${file.inode} position ${pos}`)
  return where.join(' and ') || 'from another producer'
}
