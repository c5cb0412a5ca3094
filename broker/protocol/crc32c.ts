// CRC-32C (Castagnoli), the checksum of record batches, snapshots and our own checkpoints. Native; no I/O.
import { crc32c as nativeCrc32c } from '@node-rs/crc32'

/** The checksum of what `crc` is the checksum of, followed by `buffer[start, end)`. */
export function extendCrc32c(crc: number, buffer: Buffer, start: number, end: number): number {
  return nativeCrc32c(buffer.subarray(start, end), crc)
}

/** The checksum of `buffer[start, end)` as an unsigned 32-bit number. */
export function crc32c(buffer: Buffer, start = 0, end = buffer.length): number {
  return nativeCrc32c(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end))
}
