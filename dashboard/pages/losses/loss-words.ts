// What each reason of the ledger means, and what one can do about it, in plain words; entries under the hour or day
// that they are of. Pure.
import type { LossEntry } from '../../../analytics/http/contract.ts'
import { formatDateTime, type Zone } from '../../format.ts'

export interface LossWords {
  readonly title: string
  readonly meaning: string
  readonly advice: string
  /** Lost; perhaps counted twice instead; or a note about the log that excuses neither. */
  readonly kind: 'lost' | 'twice' | 'note'
}

const words: Readonly<Record<string, LossWords>> = {
  'truncated-before-read': {
    kind: 'lost',
    title: 'File emptied before it was read',
    meaning: 'The file’s content was replaced while some of it had not been read or not been acknowledged.',
    advice:
      'Rotate by renaming instead of copytruncate, or less often; see that the agent is not far behind.',
  },
  'deleted-before-read': {
    kind: 'lost',
    title: 'File deleted before it was read',
    meaning: 'A file vanished while no agent held it open.',
    advice: 'Keep rotated files for a while (rotate 2 or more), and the agent running while files rotate.',
  },
  'unterminated-line': {
    kind: 'lost',
    title: 'Last line without an end',
    meaning: 'The file ended in the middle of a line and was never finished.',
    advice: 'Usually an application that was killed while it wrote. Nothing to do if that was meant.',
  },
  'line-cut': {
    kind: 'lost',
    title: 'Line cut at the size limit',
    meaning: 'A line was longer than the limit; its beginning is kept, the rest is not.',
    advice: 'Make the application write shorter lines, or raise the limit of the input.',
  },
  'line-dropped': {
    kind: 'lost',
    title: 'Line longer than anything allowed',
    meaning: 'A line was too long to be kept even in part.',
    advice: 'Look at the file at this position: it may be no text at all. Exclude it if so.',
  },
  'record-rejected': {
    kind: 'lost',
    title: 'Broker refused a record for good',
    meaning: 'The broker would not take a record, and trying again would not have helped.',
    advice: 'The detail has the broker’s reason; mostly a size limit of the topic.',
  },
  'retention-gap': {
    kind: 'lost',
    title: 'Retention took lines before they were counted',
    meaning: 'Counting was so far behind that the log’s retention deleted records it had not read.',
    advice: 'Keep the topic longer, or give the machine more room: see Cluster for how far behind it is.',
  },
  'offset-gap': {
    kind: 'lost',
    title: 'Offsets missing in the log',
    meaning: 'The log goes on at a later offset than the one that was expected.',
    advice: 'Compaction does this and loses nothing; without compaction look at the broker’s own log.',
  },
  'corrupt-batch': {
    kind: 'lost',
    title: 'Batch that cannot be read',
    meaning: 'A batch’s checksum does not fit its bytes: a disk or a producer damaged it.',
    advice: 'Check the disk. The batch is kept as it was in the dead-letter topic.',
  },
  'unknown-codec': {
    kind: 'lost',
    title: 'Compression nobody knows',
    meaning: 'A batch is compressed by a codec that is not one of Kafka’s.',
    advice: 'Set the producer to gzip, snappy, lz4 or zstd.',
  },
  unparsed: {
    kind: 'lost',
    title: 'Line not of its format',
    meaning: 'A line is not what its input’s format says, so it is in no statistic but the number of lines.',
    advice: 'Compare the line with the format in tailrace.yaml; it is in the dead-letter topic as it was.',
  },
  'too-old': {
    kind: 'lost',
    title: 'Older than everything kept',
    meaning: 'The line carries a time before the oldest statistics that are kept.',
    advice: 'Look at the clock of the machine that wrote it, or keep statistics for longer.',
  },
  poison: {
    kind: 'lost',
    title: 'Line that breaks the count',
    meaning: 'Counting failed on this record several times, so it was passed over.',
    advice: 'This is a fault of ours: please report it with the record from the dead-letter topic.',
  },
  'topic-recreated': {
    kind: 'lost',
    title: 'Topic deleted and made anew',
    meaning: 'Counting began again at the new topic’s start; what the old one held beyond is gone.',
    advice: 'Nothing, if the topic was meant to be deleted.',
  },
  'log-truncated': {
    kind: 'note',
    title: 'The broker lost the log’s end',
    meaning: 'The log ends before what was counted. The partition is not read on until you say so.',
    advice: 'Run tailrace analytics resume TOPIC-PARTITION. What was cut off had been counted.',
  },
  resumed: {
    kind: 'note',
    title: 'Counting resumed after a cut',
    meaning: 'An operator let counting go on where the log was cut off.',
    advice: 'Nothing; what was cut off had been counted before.',
  },
  'checkpoint-lost': {
    kind: 'twice',
    title: 'Agent without its memory',
    meaning: 'An agent began without its checkpoint, so lines it had sent may have been sent again.',
    advice: 'Keep the agent’s data directory on a disk that survives restarts.',
  },
  'checkpoint-damaged': {
    kind: 'twice',
    title: 'Agent with an older memory',
    meaning: 'An agent’s checkpoint could not be read and an older one was used.',
    advice: 'Check the disk under the agent’s data directory.',
  },
  'possibly-twice: rewritten': {
    kind: 'twice',
    title: 'Content read again',
    meaning: 'A file’s content was replaced by one that begins as before; lines may have been counted twice.',
    advice: 'Let applications append instead of rewriting their logs.',
  },
  'possibly-twice: resumed': {
    kind: 'twice',
    title: 'Agent back after a long absence',
    meaning: 'What keeps its lines from counting twice had been dropped meanwhile.',
    advice: 'Nothing; agents that are away for less than the kept time are not affected.',
  },
  'possibly-twice: forked': {
    kind: 'twice',
    title: 'Two machines speak as one agent',
    meaning: 'A copy of an agent runs beside the original: both use the same identity.',
    advice: 'Remove the data directory of the copy, so that it gets an identity of its own.',
  },
}

export function lossWords(reason: string): LossWords {
  const known = Object.hasOwn(words, reason) ? words[reason] : undefined
  if (known) return known
  return {
    kind: reason.startsWith('possibly-twice') ? 'twice' : 'lost',
    title: reason,
    meaning: 'The detail says what happened.',
    advice: 'Look at the source at this position.',
  }
}

export const knownReasons: readonly string[] = Object.keys(words)

export interface LossGroup {
  /** `2026-11-24`, or `2026-11-24 14:00`. */
  readonly title: string
  /** What is lost for certain; what may have been counted twice is no loss. */
  readonly lines: number
  readonly entries: readonly LossEntry[]
}

/** In the order that they come in; hours and days begin where the zone has them. */
export function lossesByTime(entries: readonly LossEntry[], by: 'hour' | 'day', zone: Zone): LossGroup[] {
  const titleOf = ({ at }: LossEntry) => {
    const text = formatDateTime(at, zone)
    return by === 'day' ? text.slice(0, 10) : `${text.slice(0, 13)}:00`
  }
  return [...Map.groupBy(entries, titleOf)].map(([title, own]) => {
    const lost = own.filter(({ reason }) => lossWords(reason).kind === 'lost')
    return { title, lines: lost.reduce((sum, { lines }) => sum + (lines ?? 0), 0), entries: own }
  })
}
