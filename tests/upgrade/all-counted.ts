// Whether everything that was written until now is counted, each line once, and nothing else. Asks the server of the
// place.
import assert from 'node:assert/strict'
import { eventually } from '../eventually.ts'
import type { NumberedLines } from './numbered-lines.ts'
import { countedIn, type Place } from './version.ts'

/** Returns how many lines there are. */
export async function allCounted(
  what: string,
  place: Place,
  files: readonly NumberedLines[],
): Promise<number> {
  const written = new Map(files.flatMap(file => [...file.written]))
  const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((a, b) => a + b, 0)
  const counted = await eventually(
    `${what}: ${sum(written)} lines counted`,
    () => countedIn(place),
    counts => sum(counts) >= sum(written),
  )
  assert.deepEqual(new Map([...counted].sort()), new Map([...written].sort()), what)
  return sum(written)
}
