// Who was there in a flush, by minute, and who reached which goal: gathered, so that the sketches of a minute are
// looked up once and not for each visitor.
import { hashBytes, hashed } from '../sketches/hash.ts'
import type { Rollup } from '../store/rollup.ts'
import { keyBytesMax } from './notes.ts'
import { sourceNames } from './tally-sums.ts'

interface Group {
  readonly goal: string
  readonly source: number
  readonly atMs: number
  readonly keys: string[]
}

export class DistinctVisitors {
  readonly #byGoal = new Map<string, Map<number, Group>[]>()

  /** `goal` is empty for being there at all; `atMs` begins a minute. */
  note(goal: string, source: number, atMs: number, key: string): void {
    let bySource = this.#byGoal.get(goal)
    if (!bySource) {
      bySource = sourceNames.map(() => new Map())
      this.#byGoal.set(goal, bySource)
    }
    const byMinute = bySource[source]!
    const group = byMinute.get(atMs)
    if (group) group.keys.push(key)
    else byMinute.set(atMs, { goal, source, atMs, keys: [key] })
  }

  into(rollup: Rollup): void {
    const bytes = Buffer.alloc(keyBytesMax)
    for (const bySource of this.#byGoal.values()) {
      for (const byMinute of bySource) {
        for (const { goal, source, atMs, keys } of byMinute.values()) {
          const name = sourceNames[source]!
          const sketches =
            goal === ''
              ? rollup.distinctSketches('visitors', 'source', name, atMs, 60)
              : rollup.distinctSketches('converters', 'goal,source', `${goal}\0${name}`, atMs, 60)
          for (const key of keys) {
            hashBytes(bytes, 0, bytes.write(key, 'latin1'))
            const { high, low } = hashed
            for (const sketch of sketches) sketch.add(high, low)
          }
        }
      }
    }
  }
}
