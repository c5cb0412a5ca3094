// Every rule of the delivery contract as a switch, with what goes wrong without it. docs/delivery.md states them.
/** What each rule prevents; exactly-once.test.ts shows that without the rule it happens. */
const prevented = {
  // Identity: what an agent may call the bytes it reads.
  srcBeforeRecord:
    'a crash forgets the src that records already carry; the same lines leave again under another',
  markBeforeRecord:
    'bytes already sent are replaced while the agent is down, and the new ones pass for the old',
  srcPerStart: 'a copied or rolled-back machine goes on under a src whose later positions are already taken',
  randomGeneration:
    'generation 0, or a clock that stands still or steps back, names two different contents alike',
  guardBytes: 'a file truncated and grown past the old position looks as if nothing had happened',
  guardAfterRead: 'a truncation between the look and the read passes for an append',
  keepEntry: 'a rotated file whose entry was dropped is discovered again as a new one',
  readMissed: 'a file that came and was renamed before a checkpoint knew of it is never looked at',
  drainRenamed: 'what was written just before a rename is never read',
  cutsDurable: 'a record that a clock cut short is cut elsewhere when it is read again',
  freshProducerId: 'a producer id used again makes the broker take new batches for retries of old ones',

  // Frontier and ledger: what a checkpoint may claim.
  frontierContiguous: 'a later acknowledgement moves the checkpoint over a batch that is still missing',
  frontierAcknowledged: 'the checkpoint moves at sending, and a crash forgets what was never appended',
  ledgerTruncated: 'lines truncated before they were read vanish without a word',
  ledgerVanished: 'lines of a file deleted while the agent was down vanish without a word',
  ledgerRewritten: 'content that may be a second copy is counted again without a word',
  ledgerLostCheckpoint: 'everything is read again after a lost checkpoint without a word',
  ledgerFirst: 'a crash between the checkpoint that passes a loss and its entry leaves no entry',
  declareDurable: 'a src is declared finished by a checkpoint that a crash takes back',

  // Routing.
  routingPerSrc: 'a re-sent record goes to another partition, or through another filter, than the first time',

  // Producer and broker.
  sequenceGap: 'a batch is appended although the one before it was refused, whose retry then looks old',
  firstFliesAlone: 'the broker knows no sequence for a new producer id, so its second batch may overtake',
  retryKnown: 'a retry whose acknowledgement was lost is appended again, or refused and sent under a new id',

  // Aggregator.
  dropSeen: 'what an agent re-sends after a crash is counted again',
  dedupPerPartition: 'positions of one src interleave over partitions, and the slower partition is dropped',
  oneTransaction: 'a crash between statistics and offset folds the same records again',
  compareOffset: 'a second aggregator that believes it is the only one adds the same records',
  discardWhenFenced: 'what was folded from a stale offset is added after all',
  retireFinished: 'a dedup row goes while its agent may still re-send',
  retireAfterSockets: 'a batch of a dead socket arrives after the dedup row has gone',
  retireAfterReading: 'copies that wait unread in the log are folded after the dedup row has gone',
  knowFinished: 'a copied machine re-sends a src whose rows have gone, and nobody notices',
  idleTombstone: 'an agent that resumes after its rows were dropped counts twice without a word',
  startAnnounced: 'a copy of a machine sends and dies before anybody could know that there were two',
  forkByStart: 'two starts go on from one checkpoint, and both send what neither had read',
  forkByMint: 'a machine that was copied while it ran goes on minting, and its copy reads the same lines',
  forkByEnd: 'a machine that was copied while it ran goes on under a src that its copy has closed',
  gapLedgered: 'retention overtakes the aggregator without a word',

  // Rebuild.
  rebuildOwnRows: 'a rebuild that asks the live dedup rows has seen everything already',
  rebuildCoveredOnly: 'a bucket whose first records are no longer retained is replaced by the rest of it',
  rebuildLevelSwap: 'records between the two offsets are lost or doubled when the rebuild takes over',
  rebuildSkipsDropped: 'a retained copy of a record whose original has been deleted counts in another bucket',
} as const

export type Rule = keyof typeof prevented
export type Rules = Readonly<Record<Rule, boolean>>

export const ruleNames = Object.keys(prevented) as Rule[]
export const preventedBy: Readonly<Record<Rule, string>> = prevented

/** Rules that the model taught us. Before it there were only the others. */
export const firstDraft: readonly Rule[] = [
  'markBeforeRecord',
  'srcPerStart',
  'randomGeneration',
  'guardAfterRead',
  'cutsDurable',
  'freshProducerId',
  'declareDurable',
  'firstFliesAlone',
  'retireAfterSockets',
  'retireAfterReading',
  'knowFinished',
  'startAnnounced',
  'forkByStart',
  'forkByMint',
  'forkByEnd',
  'rebuildLevelSwap',
  'rebuildSkipsDropped',
]

export const allRules: Rules = Object.freeze(
  Object.fromEntries(ruleNames.map(name => [name, true])) as Record<Rule, boolean>,
)

export function without(...off: readonly Rule[]): Rules {
  return Object.freeze({ ...allRules, ...Object.fromEntries(off.map(name => [name, false])) })
}
