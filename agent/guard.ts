// A guard: the hash of the bytes just before a position in a file. If it no longer holds, what stands there now is
// not what was read. Pure.
import { createHash } from 'node:crypto'
import { halfSipHash, hashed } from './half-siphash.ts'

/** 16 hex digits; empty at byte 0, where there is nothing to ask. */
export type Guard = string

export const guardBytesMax = 64
const guardKey = { low: 0x7461696c, high: 0x72616365 }

/** How many bytes before `position` its guard covers. */
export function guardLength(position: number): number {
  return Math.min(position, guardBytesMax)
}

/** The guard of the position that lies at `end` in `bytes`; everything it covers must be there. */
export function guardOf(bytes: Uint8Array, end: number, position: number): Guard {
  if (position === 0) return ''
  halfSipHash(guardKey, bytes, end - guardLength(position), end)
  return hexOf(hashed.high) + hexOf(hashed.low)
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}

/** What the first line looked like, with its length: tells a rewritten file from one that only grew. */
export function headOf(firstLine: Uint8Array): Guard {
  return `${firstLine.length}-${createHash('sha256').update(firstLine).digest().toString('hex', 0, 8)}`
}
