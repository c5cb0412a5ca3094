// The fault catalogue of a run, by the numbers of its rows, and the windows faults come in: every few seconds another
// one, a quarter of the windows calm, each healed before the next. Touches the brokers it is given.

import type { Brokers } from './brokers.ts'
import { diskFaults } from './faults/disk-faults.ts'
import { type Fault, missingFor, nothing, rest, type Scene } from './faults/fault.ts'
import { machineFaults } from './faults/machine-faults.ts'
import { networkFaults } from './faults/network-faults.ts'
import { processFaults } from './faults/process-faults.ts'
import { storeFaults } from './faults/store-faults.ts'

export const faults: readonly Fault[] = [
  ...processFaults,
  ...storeFaults,
  ...networkFaults,
  ...diskFaults,
  ...machineFaults,
]

/** Of the catalogue, and injected elsewhere or not at all: a visible hole, not a pass. */
const elsewhere = [
  'F7 and F35-F38 (agents and aggregators: tests/system)',
  'F8, F18-F22, F30, F31 (a disk that is full, short, slow or fails; limits: the log’s own tests, by a disk in memory)',
  'F39-F42 (administration, versions, overload)',
]

const windowMs = { least: 5_000, most: 20_000 }
const calmShare = 0.25
/** After a fault, however long it took: what comes of it is to be seen before the next one. */
const afterMs = 2_000

export interface Choice {
  readonly possible: readonly Fault[]
  /** In words, with why. */
  readonly skipped: readonly string[]
}

/** What can be injected here. `only` limits it to these, those on request are injected when it or `also` names them. */
export function choose(brokers: Brokers, only: readonly string[], also: readonly string[]): Choice {
  const possible: Fault[] = []
  const skipped: string[] = []
  for (const fault of faults) {
    const { number, onRequest = false } = fault
    const missing = missingFor(fault, brokers)
    const isNamed = only.includes(number) || also.includes(number)
    if (missing !== null) skipped.push(`${number} (${missing})`)
    else if (only.length > 0 ? !only.includes(number) : onRequest && !isNamed) {
      skipped.push(`${number} (${onRequest ? 'on request' : 'not named'})`)
    } else possible.push(fault)
  }
  return { possible, skipped: [...skipped, ...elsewhere] }
}

/** Window after window until time is up. Every class comes once before any comes again, so that short runs see most. */
export async function strikeUntil(
  scene: Scene,
  possible: readonly Fault[],
  endMs: number,
  note: (fault: string, what: string) => void,
  say: (what: string) => void,
  onNothing: () => void,
): Promise<void> {
  const { brokers, random } = scene
  let waiting: Fault[] = []
  while (performance.now() < endMs) {
    const startedMs = performance.now()
    const lengthMs = random.between(windowMs.least, windowMs.most)
    if (random.fraction() < calmShare) note('calm', `${Math.round(lengthMs)} ms`)
    else {
      if (waiting.length === 0) waiting = [...possible]
      const [fault] = waiting.splice(random.below(waiting.length), 1)
      note(fault!.number, fault!.title)
      const what = await fault!.strike(scene)
      say(what)
      if (what.includes(nothing)) onNothing()
      await brokers.heal()
      await rest(afterMs)
    }
    await rest(Math.min(startedMs + lengthMs, endMs) - performance.now())
  }
}
