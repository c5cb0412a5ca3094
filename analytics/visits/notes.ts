// What the lines of one flush say about visitors: who, when, what, from where. Numbers side by side, no object per
// line. Filled by the fold, read by the commit.
import type { PartitionFold } from '../fold/fold-state.ts'
import { ByteInterner } from '../fold/interner.ts'

/** Longer keys are cut: ours have 16 bytes. */
export const keyBytesMax = 64

export interface NoteCounters {
  /** Lines of a visitor, or of nobody knows whom. */
  keyless: number
}

export class VisitNotes {
  readonly keys = new ByteInterner(keyBytesMax, 'latin1')
  readonly partitions: PartitionFold[] = []
  readonly keyIds: number[] = []
  readonly timesMs: number[] = []
  /** The newest event time of the partition when the line was folded. */
  readonly watermarksMs: number[] = []
  readonly names: number[] = []
  readonly touches: number[] = []
  readonly flags: number[] = []
  readonly goals: number[] = []
  /** Hashes of the fields that name a visitor, 0 for none. */
  readonly anonymous: number[] = []
  readonly users: number[] = []
  /** 0 for behaviour events, 1 for requests. */
  readonly sources: number[] = []
  /** Lines without a key that name a visitor, by partition. */
  readonly keyless = new Map<PartitionFold, number>()

  get size(): number {
    return this.keyIds.length
  }

  noKey(partition: PartitionFold): void {
    this.keyless.set(partition, (this.keyless.get(partition) ?? 0) + 1)
  }
}
