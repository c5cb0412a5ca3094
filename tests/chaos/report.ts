// What a run has to say: counts first, then the verdict and, when it is bad, what to look at. Words only.
import { sentence, type Verdict } from './checker/checker.ts'
import type { ReplicaComparison } from './replicas.ts'

export interface RunFacts {
  readonly verdict: Verdict
  readonly anomalies: readonly string[]
  /** Keys that the last reads did not come to the end of. */
  readonly unread: readonly string[]
  readonly skipped: readonly string[]
  readonly replicas: readonly ReplicaComparison[]
  /** What is worth knowing and breaks no promise. */
  readonly remarks?: readonly string[]
}

const shownMax = 20

/** Valid only if nothing at all is wrong: the rules, the reads, the bytes. */
export function outcomeOfRun({ verdict, anomalies, unread, replicas }: RunFacts): Verdict['outcome'] {
  const differ = replicas.some(({ differences }) => differences.length > 0)
  const isBroken = differ || anomalies.length > 0 || unread.length > 0 || verdict.unwritten > 0
  return isBroken ? 'invalid' : verdict.outcome
}

export function reportOf(facts: RunFacts): string {
  const { verdict, anomalies, unread, skipped, replicas, remarks = [] } = facts
  const { coverage, lag, consumed } = verdict
  const operations = [...coverage.operations].sort().map(([name, count]) => `${name} ${count}`)
  const struck = [...coverage.faults].map(
    ([fault, { times, leaderChanges, silenceMs }]) =>
      `${fault} ${times} times, ${leaderChanges} leader changes, longest silence of a key ${Math.round(silenceMs)} ms`,
  )
  const lines = [
    `operations: ${operations.join(', ')}`,
    `values: ${coverage.okSends} acknowledged of ${coverage.values} sent, ${coverage.reads} read`,
    ...(struck.length > 0 ? struck.map(fault => `fault: ${fault}`) : ['faults: none']),
    `leader changes: ${coverage.leaderChanges}`,
    `worst lag: ${Math.round(lag.worstMs)} ms${lag.key ? ` in ${lag.key}` : ''}`,
    `replicas: ${sum(replicas, 'batches')} batches on disk, ${sum(replicas, 'compared')} compared with another's`,
    `handed out again within a group: ${consumed.again} values, ${consumed.most} times at most`,
  ]
  if (verdict.counted.length > 0)
    lines.push(`counted, no error: ${tally(verdict.counted.map(({ rule }) => rule))}`)
  lines.push(...remarks.map(remark => `remark: ${remark}`), ...skipped.map(what => `skipped: ${what}`))
  lines.push(...some('anomaly', anomalies), ...some('not read to the end', unread))
  lines.push(
    ...some(
      'replicas',
      replicas.flatMap(({ differences }) => differences),
    ),
  )
  if (verdict.unwritten > 0) lines.push(`read and never sent: ${verdict.unwritten}`)
  lines.push(...some('error', verdict.errors.map(sentence)))
  lines.push(...some('coverage', coverage.missing))
  lines.push(`verdict: ${outcomeOfRun(facts)}`)
  return lines.join('\n')
}

function some(what: string, list: readonly string[]): string[] {
  const shown = list.slice(0, shownMax).map(line => `${what}: ${line}`)
  return list.length > shownMax ? [...shown, `${what}: and ${list.length - shownMax} more`] : shown
}

function tally(words: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].map(([word, count]) => `${word} ${count}`).join(', ')
}

function sum(replicas: readonly ReplicaComparison[], field: 'batches' | 'compared'): number {
  return replicas.reduce((total, replica) => total + replica[field], 0)
}
