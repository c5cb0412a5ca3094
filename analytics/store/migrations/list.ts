// Every change of windows.db since its first format, in order. A migration that was released is never edited: files
// out there have it. Add a file of its own, `000N-name.ts`, and name it here.
import { slots } from './0002-slots.ts'
import { visits } from './0003-visits.ts'
import { coverage } from './0004-coverage.ts'
import { counters } from './0005-counters.ts'

/** SQL that takes the file from the version before to this one; it runs in one transaction with all that are due. */
export interface Migration {
  readonly version: number
  readonly sql: string
}

/** Ascending. */
export const migrations: readonly Migration[] = [slots, visits, coverage, counters]
