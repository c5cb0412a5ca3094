// Slots: who of several processes writes which share of the sketches. A process claims a free slot; every commit it
// makes must find the slot as its last one left it, so a process that was taken for dead is refused, however late it
// comes back. Statements on the writing connection; looks at /proc only to learn whether an owner still lives.
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

/** Somebody else has committed what we were about to: another process, or ourselves before a crash. */
export class FencedError extends Error {
  override readonly name = 'FencedError'
}

/** Who wants a slot. */
export interface Claimant {
  /** Unique among all processes that ever lived. */
  readonly owner: string
  wallMs(): number
  /** True only if that owner certainly lives no more; its lease is waited for otherwise. */
  isGone(owner: string): boolean
}

export interface Slot {
  readonly number: number
  readonly epoch: number
  version: number
}

interface SlotRow {
  readonly slot: number
  readonly epoch: number
  readonly version: number
  readonly owner: string | null
  readonly lease_until: number
}

/** A silent owner that may live keeps its slot this long; losing it costs it what it has not committed, no more. */
export const leaseMs = 30_000

export class Slots {
  readonly #connection: Connection
  readonly #run: Run
  readonly #claimant: Claimant | null
  readonly #statements

  /** Without a claimant slot 0 is taken, whoever holds it: for whoever knows that he is alone. */
  constructor(connection: Connection, run: Run, claimant: Claimant | null) {
    this.#connection = connection
    this.#run = run
    this.#claimant = claimant
    this.#statements = {
      all: connection.prepare<[], SlotRow>('SELECT * FROM slots ORDER BY slot'),
      find: connection.prepare<[number], SlotRow>('SELECT * FROM slots WHERE slot = ?'),
      claim: connection.prepare(
        `INSERT INTO slots(slot, epoch, version, owner, lease_until) VALUES (?, 1, 0, ?, ?)
         ON CONFLICT(slot) DO UPDATE SET epoch = epoch + 1, owner = excluded.owner, lease_until = excluded.lease_until`,
      ),
      advance: connection.prepare(
        `UPDATE slots SET version = version + 1, lease_until = max(lease_until, ?)
         WHERE slot = ? AND epoch = ? AND version = ?`,
      ),
      renew: connection.prepare(
        'UPDATE slots SET lease_until = ? WHERE slot = ? AND epoch = ? AND lease_until < ?',
      ),
      release: connection.prepare(
        'UPDATE slots SET owner = NULL, lease_until = 0 WHERE slot = ? AND epoch = ?',
      ),
    }
  }

  /** The lowest slot that nobody holds. */
  claim(): Slot {
    return this.#connection
      .transaction(() => {
        const number = this.#claimant === null ? 0 : this.#freeOne(this.#claimant)
        this.#statements.claim.run(number, this.#claimant?.owner ?? null, this.#leaseEnd())
        return this.#read(number)
      })
      .immediate()
  }

  /** The slot as it is now, or another one if it was lost. */
  reread(slot: Slot): Slot {
    const now = this.#read(slot.number)
    return now.epoch === slot.epoch ? now : this.claim()
  }

  /** Within a transaction: refused unless the slot is as this process left it. The caller notes the new version. */
  advance(slot: Slot): void {
    const { number, epoch, version } = slot
    if (this.#run(this.#statements.advance, this.#leaseEnd(), number, epoch, version) !== 1) {
      throw new FencedError(
        `Cannot commit after version ${version} of slot ${number}: another process has committed since`,
      )
    }
  }

  /** For a process that has had nothing to commit. */
  renew(slot: Slot): void {
    const end = this.#leaseEnd()
    this.#statements.renew.run(end, slot.number, slot.epoch, end - leaseMs / 4)
  }

  release(slot: Slot): void {
    this.#statements.release.run(slot.number, slot.epoch)
  }

  /** True if no other slot is held by a process that may live. */
  isAlone(slot: Slot): boolean {
    return this.#statements.all.all().every(row => row.slot === slot.number || this.#isFree(row))
  }

  #freeOne(claimant: Claimant): number {
    const rows = this.#statements.all.all()
    const free = rows.find(row => row.owner === claimant.owner || this.#isFree(row))
    if (free) return free.slot
    const taken = new Set(rows.map(row => row.slot))
    let number = 0
    while (taken.has(number)) number++
    return number
  }

  #isFree({ owner, lease_until }: SlotRow): boolean {
    const claimant = this.#claimant
    return owner === null || claimant === null || lease_until <= claimant.wallMs() || claimant.isGone(owner)
  }

  #read(number: number): Slot {
    const { epoch, version } = this.#statements.find.get(number)!
    return { number, epoch, version }
  }

  #leaseEnd(): number {
    return this.#claimant === null ? 0 : this.#claimant.wallMs() + leaseMs
  }
}

/** Within a transaction, after changing rows behind the backs of those who count: they must read everything again. */
export function fenceWriters(connection: Connection): void {
  connection.exec('UPDATE slots SET version = version + 1; UPDATE writer SET version = version + 1')
}

/** What an owner is known by. */
interface ProcessIdentity {
  readonly machine: string
  readonly boot: string
  readonly pidSpace: string
  readonly pid: number
  /** Since the boot, so that a pid that was given out again is not taken for the one before. */
  readonly startedAt: string
}

export function processClaimant(wallMs: () => number): Claimant {
  const own = ownIdentity()
  return {
    owner: JSON.stringify(own),
    wallMs,
    isGone: owner => isGone(owner, own),
  }
}

/** The owner of a slot that counts on another machine, or null: SQLite's locks do not reach across machines. */
export function foreignOwner(
  connection: Connection,
  nowMs: number,
): { readonly machine: string; readonly forMs: number } | null {
  const own = ownIdentity()
  const rows = connection.prepare<[number], SlotRow>('SELECT * FROM slots WHERE lease_until > ?').all(nowMs)
  for (const { owner, lease_until } of rows) {
    const identity = owner === null ? null : parse(owner)
    if (identity && identity.machine !== own.machine && (own.boot === '' || identity.boot !== own.boot)) {
      return { machine: identity.machine, forMs: lease_until - nowMs }
    }
  }
  return null
}

function isGone(owner: string, own: ProcessIdentity): boolean {
  const identity = parse(owner)
  if (!identity) return true
  // The machine was started again since.
  if (identity.machine === own.machine && identity.boot !== own.boot) return true
  if (identity.boot !== own.boot || identity.pidSpace !== own.pidSpace) return false
  if (!isRunning(identity.pid)) return true
  return startOf(identity.pid) !== identity.startedAt
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function ownIdentity(): ProcessIdentity {
  return {
    machine: textOf(() => readFileSync('/etc/machine-id', 'latin1').trim()) || hostname(),
    boot: textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    pidSpace: textOf(() => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    startedAt: startOf(process.pid),
  }
}

/** The 22nd field of its stat; empty where there is no /proc. */
function startOf(pid: number): string {
  return textOf(
    () =>
      readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? '',
  )
}

function textOf(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

function parse(owner: string): ProcessIdentity | null {
  try {
    return JSON.parse(owner) as ProcessIdentity
  } catch {
    return null
  }
}
