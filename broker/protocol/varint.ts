// Kafka's variable-length integers as plain functions on buffers: unsigned (lengths in flexible messages) and
// zigzag (records). Numbers only; nothing is allocated. The reading side lives in bytes.ts's Reader.

/** Bytes an unsigned 32-bit value takes: 1 to 5. */
export function uvarintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  return value < 0x10000000 ? 4 : 5
}

/** Bytes a signed 32-bit value takes. */
export function varintSize(value: number): number {
  return uvarintSize(((value << 1) ^ (value >> 31)) >>> 0)
}

/** Bytes a signed value in [-2^52, 2^52) takes. */
export function varlongSize(value: number): number {
  let rest = value >= 0 ? value * 2 : value * -2 - 1
  let size = 1
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

/** Writes an unsigned 32-bit value and returns where the next byte goes. */
export function writeUvarint(buffer: Uint8Array, at: number, value: number): number {
  let rest = value >>> 0
  let position = at
  while (rest >= 0x80) {
    buffer[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[position++] = rest
  return position
}

/** Writes a signed 32-bit value, zigzag. */
export function writeVarint(buffer: Uint8Array, at: number, value: number): number {
  return writeUvarint(buffer, at, (value << 1) ^ (value >> 31))
}

/** Writes a signed value in [-2^52, 2^52), zigzag. Beyond 32 bits by division: a shift would cut it. */
export function writeVarlong(buffer: Uint8Array, at: number, value: number): number {
  let rest = value >= 0 ? value * 2 : value * -2 - 1
  if (rest <= 0xffffffff) return writeUvarint(buffer, at, rest)
  let position = at
  while (rest >= 0x80) {
    buffer[position++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  buffer[position++] = rest
  return position
}
