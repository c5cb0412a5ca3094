// Bodies made from a schema and a seed, for round-trip and hostile tests: whatever a message may hold at a version,
// and nothing it may not. Pure; the same seed gives the same bodies.
import { zeroUuid } from './bytes.ts'
import { type AnyField, type AnyMessage, isWithin, type Shape } from './fields.ts'

/** Other cases than those of every day, for whoever wants more of them. */
const { TAILRACE_FIRST_SEED: firstSeed = '0' } = process.env

/** Numbers in [0, 1), reproducible (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = (seed + Number(firstSeed)) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** What decoding `message` at `version` must give back: present fields arbitrary, absent ones their defaults. */
export function arbitraryBody(message: AnyMessage, version: number, random: () => number): object {
  return arbitraryStruct(message.fields, version, random)
}

/** Every field its default, as decoding an encoded `{}` must give it. */
export function defaultBody(message: AnyMessage): object {
  return Object.fromEntries(Object.entries(message.fields).map(([name, field]) => [name, field.fallback()]))
}

const texts = ['', 'logs', 'ünïcødé ✓ 🜁', 'a'.repeat(130), '\u0000\u001b[31m<script>']
const int64s = [0, -1, 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0x1_0000_0000, -0x8000_0001]

function arbitraryStruct(shape: Shape, version: number, random: () => number): object {
  const body: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(shape)) {
    const present = isWithin(field.versions, version) && !(field.tag >= 0 && random() < 0.3)
    body[name] = present ? arbitraryValue(field, version, random) : field.fallback()
  }
  return body
}

function arbitraryValue(field: AnyField, version: number, random: () => number): unknown {
  if (isWithin(field.nullable, version) && random() < 0.25) return null
  switch (field.kind) {
    case 'int8':
      return Math.floor(random() * 0x100) - 0x80
    case 'int16':
      return Math.floor(random() * 0x10000) - 0x8000
    case 'uint16':
      return Math.floor(random() * 0x10000)
    case 'int32':
      return Math.floor(random() * 0x1_0000_0000) - 0x8000_0000
    case 'int64':
      return pick(int64s, random)
    case 'exactInt64':
      return BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 32)) * 0x1_2345_6789n)
    case 'float64':
      return (random() - 0.5) * 1e6
    case 'bool':
      return random() < 0.5
    case 'uuid':
      return random() < 0.2 ? zeroUuid : arbitraryBytes(16, random).toString('base64url')
    case 'string':
      return pick(texts, random)
    case 'bytes':
    case 'records':
      return arbitraryBytes(Math.floor(random() * 200), random)
    case 'array':
      return Array.from({ length: Math.floor(random() * 4) }, () =>
        arbitraryValue(field.of!, version, random),
      )
    case 'struct':
      return arbitraryStruct(field.fields!, version, random)
  }
}

export function arbitraryBytes(length: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = Math.floor(random() * 256)
  return bytes
}

function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)]!
}
