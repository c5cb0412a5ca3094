// What the workload wants of a client, whichever library is behind it, and how a value is written into a record and
// recognised when it comes back. No I/O here.
import { batchEnd, batchView, checkCrc } from '../../broker/protocol/record-batch.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import type { Completion, Key, Read } from './checker/history.ts'

export interface SendResult {
  readonly type: Completion
  /** Of the first value; null when the broker has not said. */
  readonly offset: number | null
  readonly error?: string
}

export interface PollResult {
  readonly type: Completion
  readonly reads: Readonly<Record<Key, readonly Read[]>>
  readonly error?: string
}

/** One process of a history: it is closed, not repaired, when the outcome of something is unknown. */
export interface ChaosClient {
  /** A group says what it reads; otherwise the workload assigns. */
  readonly isGrouped: boolean
  send(key: Key, values: readonly number[]): Promise<SendResult>
  /** Reads these from now on, new ones from the offset given; those it has already go on where they are. */
  assign(offsets: ReadonlyMap<Key, number>): void
  poll(): Promise<PollResult>
  close(): Promise<void>
}

export interface ClientOptions {
  readonly bootstrap: readonly string[]
  readonly topic: string
  /** Told of what no client may ever see. */
  readonly onAnomaly: (what: string) => void
}

export function splitKey(key: Key): { readonly topic: string; readonly partition: number } {
  const slash = key.lastIndexOf('/')
  return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)) }
}

/** The key is in the value, so that a record that went astray is known wherever it turns up. */
export function encodeValue(key: Key, value: number): Buffer {
  return Buffer.from(`${key} ${value}`)
}

/** Null for what this key was never sent. */
export function decodeValue(key: Key, bytes: Buffer): number | null {
  const text = bytes.toString('latin1')
  return text.startsWith(`${key} `) ? Number(text.slice(key.length + 1)) : null
}

/** Every record of whole batches, from an offset on. */
export function readsIn(
  key: Key,
  batches: Buffer,
  fromOffset: number,
  onAnomaly: (what: string) => void,
): Read[] {
  const reads: Read[] = []
  let at = 0
  for (let end = batchEnd(batches, 0, batches.length); end > 0; end = batchEnd(batches, at, batches.length)) {
    const base = batchView.baseOffset(batches, at)
    if (checkCrc(batches, at)) {
      walkRecords(batches.subarray(at, end), (offset, _time, buffer, _keyStart, _keyEnd, start, stop) => {
        if (offset < fromOffset) return
        const value = decodeValue(key, buffer.subarray(start, stop))
        if (value === null) onAnomaly(`${key} at ${offset}: a record that was never sent there`)
        else reads.push([offset, value])
      })
    } else onAnomaly(`${key} at ${base}: the checksum of a batch is wrong`)
    at = end
  }
  return reads
}
