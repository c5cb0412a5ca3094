// One seed, one life of a data directory: the real logs on a disk that forgets what was not synced, loses pages at a
// failed sync and says so once, tears writes, and goes bad in places. After every restart everything that was
// acknowledged is there, or is named as damaged; nothing is there that was not appended.

import type { LogDirectory } from '../../broker/log/log-directory.ts'
import {
  batchOf,
  closeOn,
  openDirectory,
  randomFrom,
  recordsOf,
  startMs,
} from '../../broker/log/log-fixture.ts'
import type { LogListener } from '../../broker/log/log-parts.ts'
import type { PartitionLog } from '../../broker/log/partition-log.ts'
import { type CrashMode, SimDisk } from '../../broker/log/sim-disk.ts'
import { Random } from '../model/random.ts'

export interface DiskOutcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly tally: ReadonlyMap<string, number>
}

const config = { segmentBytes: 900, indexIntervalBytes: 150, fileDeleteDelayMs: 60_000 }
const powerCuts: readonly CrashMode[] = ['none', 'prefix', 'subset']
const topicIds = ['Zmlyc3QtdG9waWMtaWQtMQ', 'c2Vjb25kLXRvcGljLWlkMg']
const steps = 60

interface Known {
  readonly topicId: string
  /** By offset. */
  values: string[]
  acknowledged: number
  /** Offsets that a report has named. */
  readonly damaged: Set<number>
}

export async function simulate(seed: number): Promise<DiskOutcome> {
  const life = new DiskLife(seed)
  try {
    for (let step = 0; step < steps && life.violations.length === 0; step++) await life.step()
    if (life.violations.length === 0) life.restart('none')
  } catch (error) {
    life.violations.push(`the log gave up: ${(error as Error).message}`)
  }
  return { seed, violations: life.violations, tally: life.tally }
}

class DiskLife implements LogListener {
  readonly violations: string[] = []
  readonly tally = new Map<string, number>()
  readonly #random: Random
  readonly #crash: () => number
  readonly #disk = new SimDisk()
  readonly #known: Known[] = []
  /** What may happen to this disk, and how often, of a thousand. */
  readonly #rates: { readonly cut: number; readonly failedSync: number; readonly damage: number }
  #directory: LogDirectory
  #written = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
    this.#crash = randomFrom(this.#random.next() | 1)
    const rate = (highest: number) => (this.#random.chance(0.4) ? 0 : this.#random.below(highest))
    this.#rates = { cut: rate(150), failedSync: rate(100), damage: rate(60) }
    this.#disk.nowMs = startMs
    this.#directory = openDirectory(this.#disk, config, this)
  }

  onDurable(log: PartitionLog, durableEnd: number): void {
    const known = this.#known[log.partition]!
    known.acknowledged = Math.max(known.acknowledged, durableEnd)
    log.highWatermark = durableEnd
  }

  onFailed(): void {
    this.#count('failed logs')
  }

  async step(): Promise<void> {
    const at = this.#random.below(1_000)
    const { cut, failedSync, damage } = this.#rates
    try {
      if (at < cut) this.restart(this.#random.pick(powerCuts))
      else if (at < cut + failedSync) this.#failNextSync()
      else if (at < cut + failedSync + damage) this.#damage()
      else await this.#act(this.#random.below(10))
    } catch (error) {
      // The power went in the middle of it, or the broker dies of what its disk said.
      const isFailure = (error as NodeJS.ErrnoException).code === 'EIO'
      if (!isFailure && this.#disk.operations < this.#disk.cutAt) throw error
      this.restart(isFailure ? 'process' : this.#random.pick(powerCuts))
    }
  }

  restart(mode: CrashMode): void {
    this.#count(mode === 'process' ? 'kills' : 'power cuts')
    this.#disk.crash(mode, this.#crash)
    if (this.#random.chance(0.2)) this.#disk.cutAt = 1 + this.#random.below(30)
    try {
      this.#directory = openDirectory(this.#disk, config, this)
    } catch (error) {
      if (this.#disk.operations < this.#disk.cutAt) throw error
      this.#disk.crash(this.#random.pick(powerCuts), this.#crash)
      this.#directory = openDirectory(this.#disk, config, this)
    }
    this.#disk.cutAt = Number.POSITIVE_INFINITY
    for (const [index, known] of this.#known.entries()) this.#check(index, known)
  }

  async #act(what: number): Promise<void> {
    const { length } = this.#known
    if (length === 0 || (what === 0 && length < topicIds.length)) this.#create(length)
    else if (what < 5) this.#append(this.#random.below(length))
    else if (what < 8) {
      for (const log of this.#directory.logs()) log.requestFlush()
      if (this.#random.chance(0.2)) this.#disk.cutAt = this.#disk.operations + 1 + this.#random.below(6)
      this.#disk.completeFlushes()
    } else if (what === 8) {
      this.#disk.nowMs += 61_000
      this.#directory.tick(this.#disk.nowMs)
      this.#disk.completeFlushes()
    } else if (this.#random.chance(0.5)) this.restart('process')
    else if ([...this.#directory.logs()].every(({ failure }) => failure === null)) {
      await closeOn(this.#disk, this.#directory)
      this.#count('clean stops')
      this.restart(this.#random.pick(powerCuts))
    }
  }

  #create(index: number): void {
    // A creation that the power cut short may have left it.
    if (!this.#directory.get('logs', index)) this.#directory.create('logs', index, topicIds[index]!)
    this.#known.push({ topicId: topicIds[index]!, values: [], acknowledged: 0, damaged: new Set() })
  }

  #append(index: number): void {
    const log = this.#directory.get('logs', index)
    const { values } = this.#known[index]!
    for (let left = 1 + this.#random.below(4); log && left > 0; left--) {
      const value = `${index}/${this.#written++}`
      const result = log.append(batchOf({ values: [value.padEnd(90, '.')] }), 1, this.#disk.nowMs)
      if (!result.ok) return
      values[result.baseOffset] = value
      this.#count('appends')
    }
  }

  #failNextSync(): void {
    let isDue = true
    this.#count('failed syncs')
    this.#disk.fault = (operation, path) => {
      if (!isDue || operation !== 'sync' || !path.endsWith('.log')) return null
      isDue = false
      return Object.assign(new Error('EIO'), { code: 'EIO' })
    }
  }

  /** One byte of the newest segment, whose bytes recovery reads after an unclean end. */
  #damage(): void {
    if (this.#known.length === 0) return
    // What is in the cache and on the medium is the same after a power cut.
    this.restart('none')
    const path = `/data/logs-${this.#random.below(this.#known.length)}`
    const segments = this.#disk.status(path)
      ? this.#disk.list(path).filter(name => name.endsWith('.log'))
      : []
    const segment = `${path}/${segments.at(-1)}`
    const size = this.#disk.status(segment)?.sizeBytes ?? 0
    if (size === 0) return
    const at = this.#random.below(size)
    this.#count('damages')
    this.#disk.damage(segment, bytes => {
      bytes[at]! ^= 1 << this.#random.below(8)
      return bytes
    })
    this.restart('process')
  }

  #check(index: number, known: Known): void {
    const log = this.#directory.get('logs', index)
    const { values, acknowledged, damaged, topicId } = known
    if (log?.topicId !== topicId) {
      this.violations.push(`R8: partition ${index} is gone, ${acknowledged} were acknowledged`)
      return
    }
    for (const { fromOffset, toOffset } of log.corruptions)
      for (let offset = fromOffset; offset < toOffset; offset++) damaged.add(offset)
    const served = new Map<number, string>()
    for (const record of recordsOf(log)) {
      const colon = record.indexOf(':')
      served.set(Number(record.slice(0, colon)), record.slice(colon + 1))
    }
    for (let offset = log.logStartOffset; offset < acknowledged; offset++) {
      if (served.has(offset) || damaged.has(offset)) continue
      this.violations.push(`R8: ${offset} of ${index} is gone, ${acknowledged} were acknowledged`)
      return
    }
    for (const [offset, value] of served) {
      if (values[offset] === value) continue
      this.violations.push(`R11: ${offset} of ${index} is ${value}, appended was ${values[offset]}`)
      return
    }
    values.length = Math.min(values.length, log.logEndOffset)
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1)
  }
}
