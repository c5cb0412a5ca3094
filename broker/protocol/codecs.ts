// How each kind of value lies on the wire, classic and compact (flexible) form. fields.ts picks one per field and
// version, once; after that reading a message is calling these in a row. No I/O.
import { type ExternalBytes, noBytes, type Reader, type Writer } from './bytes.ts'
import { ProtocolError } from './protocol-error.ts'

export interface Codec<T, E = T> {
  /** Fewest bytes a value takes: what an array's count is checked against. */
  readonly sizeMin: number
  read(reader: Reader): T
  write(writer: Writer, value: E): void
}

export const int8Codec: Codec<number> = {
  sizeMin: 1,
  read: reader => reader.int8(),
  write: (writer, value) => writer.int8(value),
}
export const int16Codec: Codec<number> = {
  sizeMin: 2,
  read: reader => reader.int16(),
  write: (writer, value) => writer.int16(value),
}
export const uint16Codec: Codec<number> = {
  sizeMin: 2,
  read: reader => reader.uint16(),
  write: (writer, value) => writer.uint16(value),
}
export const int32Codec: Codec<number> = {
  sizeMin: 4,
  read: reader => reader.int32(),
  write: (writer, value) => writer.int32(value),
}
export const int64Codec: Codec<number> = {
  sizeMin: 8,
  read: reader => reader.int64(),
  write: (writer, value) => writer.int64(value),
}
export const exactInt64Codec: Codec<bigint> = {
  sizeMin: 8,
  read: reader => reader.exactInt64(),
  write: (writer, value) => writer.exactInt64(value),
}
export const float64Codec: Codec<number> = {
  sizeMin: 8,
  read: reader => reader.float64(),
  write: (writer, value) => writer.float64(value),
}
export const boolCodec: Codec<boolean> = {
  sizeMin: 1,
  read: reader => reader.bool(),
  write: (writer, value) => writer.bool(value),
}
export const uuidCodec: Codec<string> = {
  sizeMin: 16,
  read: reader => reader.uuid(),
  write: (writer, value) => writer.uuid(value),
}

/** A length: an integer of fixed width where -1 is null, or an unsigned varint of length + 1 where 0 is. */
interface LengthForm {
  readonly size: number
  readonly read: (reader: Reader) => number
  readonly write: (writer: Writer, length: number) => void
}

const int16Length: LengthForm = {
  size: 2,
  read: reader => reader.int16(),
  write: (writer, length) => writer.int16(length),
}
const int32Length: LengthForm = {
  size: 4,
  read: reader => reader.int32(),
  write: (writer, length) => writer.int32(length),
}
const compactLength: LengthForm = {
  size: 1,
  read: reader => reader.uvarint() - 1,
  write: (writer, length) => writer.uvarint(length + 1),
}

export function stringCodec(nullable: boolean, flexible: boolean): Codec<string | null> {
  const form = flexible ? compactLength : int16Length
  return {
    sizeMin: form.size,
    read: reader => {
      const length = form.read(reader)
      return length < 0 ? nullOf(reader, length, nullable, 'string') : reader.string(length)
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, form, nullable, 'string')
      const byteLength = Buffer.byteLength(value, 'utf8')
      form.write(writer, byteLength)
      writer.utf8(value, byteLength)
    },
  }
}

export function bytesCodec(nullable: boolean, flexible: boolean): Codec<Buffer | null, Uint8Array | null> {
  const form = flexible ? compactLength : int32Length
  return {
    sizeMin: form.size,
    read: reader => {
      const length = form.read(reader)
      return length < 0 ? nullOf(reader, length, nullable, 'bytes') : viewOf(reader, length)
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, form, nullable, 'bytes')
      form.write(writer, value.length)
      writer.bytes(value)
    },
  }
}

/** Record batches, opaque. Written from memory, or only announced where the bytes travel beside the writer. */
export function recordsCodec(flexible: boolean): Codec<Buffer | null, Uint8Array | ExternalBytes | null> {
  const form = flexible ? compactLength : int32Length
  return {
    sizeMin: form.size,
    read: reader => {
      const length = form.read(reader)
      return length < 0 ? nullOf(reader, length, true, 'records') : viewOf(reader, length)
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, form, true, 'records')
      if (value instanceof Uint8Array) {
        form.write(writer, value.length)
        writer.bytes(value)
        return
      }
      form.write(writer, value.sizeInBytes)
      writer.external(value)
    },
  }
}

export function arrayCodec<T, E>(
  element: Codec<T, E>,
  ofObjects: boolean,
  nullable: boolean,
  flexible: boolean,
): Codec<T[] | null, readonly E[] | null> {
  const form = flexible ? compactLength : int32Length
  const elementSizeMin = Math.max(1, element.sizeMin)
  return {
    sizeMin: form.size,
    read: reader => {
      const count = form.read(reader)
      if (count < 0) return nullOf(reader, count, nullable, 'array')
      reader.takeElements(count, elementSizeMin, ofObjects)
      const elements: T[] = []
      for (let i = 0; i < count; i++) elements.push(element.read(reader))
      return elements
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, form, nullable, 'array')
      form.write(writer, value.length)
      for (let i = 0; i < value.length; i++) element.write(writer, value[i]!)
    },
  }
}

/** A struct that may be missing: one byte says whether it follows. */
export function nullableStructCodec<T, E>(struct: Codec<T, E>): Codec<T | null, E | null> {
  return {
    sizeMin: 1,
    read: reader => {
      const presence = reader.int8()
      if (presence === 1) return struct.read(reader)
      if (presence === -1) return null
      throw new ProtocolError(`struct presence ${presence} is neither 1 nor -1`, reader.position - 1)
    },
    write: (writer, value) => {
      writer.int8(value === null ? -1 : 1)
      if (value !== null) struct.write(writer, value)
    },
  }
}

/** One member of a struct at one version. `tag` is -1 for a plain member. */
export interface Member {
  readonly name: string
  readonly tag: number
  /** Null where this version does not have the member: it reads as its default and is not written. */
  readonly codec: Codec<unknown, never> | null
  readonly fallback: () => unknown
  readonly isFallback: (value: never) => boolean
}

/**
 * Members in declared order, then, in flexible versions, the tagged ones that differ from their defaults. Every
 * version yields the same keys in the same order, so that one shape serves whoever reads them.
 */
export function structCodec(
  members: readonly Member[],
  flexible: boolean,
): Codec<Record<string, unknown>, Record<string, unknown>> {
  const plain = members.filter(member => member.codec !== null && member.tag < 0)
  const tagged = members.filter(member => member.codec !== null && member.tag >= 0)
  tagged.sort((a, b) => a.tag - b.tag)
  const names = members.map(member => member.name)
  const fallbacks = members.map(member => member.fallback)
  const readers = members.map(member => (member.tag < 0 ? member.codec : null))
  return {
    sizeMin: plain.reduce((sum, member) => sum + member.codec!.sizeMin, flexible ? 1 : 0),
    read: reader => {
      const body: Record<string, unknown> = {}
      for (let i = 0; i < names.length; i++) {
        const codec = readers[i]!
        body[names[i]!] = codec === null ? fallbacks[i]!() : codec.read(reader)
      }
      if (flexible) readTagged(reader, tagged, body)
      return body
    },
    write: (writer, body) => {
      for (let i = 0; i < plain.length; i++) writeMember(writer, plain[i]!, body)
      if (flexible) writeTagged(writer, tagged, body)
    },
  }
}

function writeMember(writer: Writer, member: Member, body: Record<string, unknown>): void {
  const value = body[member.name]
  try {
    member.codec!.write(writer, (value === undefined ? member.fallback() : value) as never)
  } catch (error) {
    throw cannotWrite(member.name, error as Error)
  }
}

/** One error with the whole path, "Cannot write topics.partitions.offset: …", however deep the value lies. */
function cannotWrite(name: string, error: Error): TypeError {
  const inner = error.message.startsWith(cannotWritePrefix)
  const text = inner ? `.${error.message.slice(cannotWritePrefix.length)}` : `: ${error.message}`
  return new TypeError(`${cannotWritePrefix}${name}${text}`, { cause: inner ? error.cause : error })
}

const cannotWritePrefix = 'Cannot write '

/** Unknown tags are stepped over: that is how newer peers may add fields. */
function readTagged(reader: Reader, tagged: readonly Member[], body: Record<string, unknown>): void {
  const count = reader.uvarint()
  for (let i = 0; i < count; i++) {
    const tag = reader.uvarint()
    const size = reader.uvarint()
    const start = reader.take(size)
    const member = tagged.find(candidate => candidate.tag === tag)
    if (member === undefined) continue
    const outerEnd = reader.end
    reader.position = start
    reader.end = start + size
    body[member.name] = member.codec!.read(reader)
    if (reader.position !== reader.end) {
      throw new ProtocolError(
        `tagged ${member.name} is ${size} bytes and used ${reader.position - start}`,
        start,
      )
    }
    reader.end = outerEnd
  }
}

function writeTagged(writer: Writer, tagged: readonly Member[], body: Record<string, unknown>): void {
  let count = 0
  for (const member of tagged) if (isWritten(member, body)) count++
  writer.uvarint(count)
  if (count === 0) return
  for (const member of tagged) {
    if (!isWritten(member, body)) continue
    writer.uvarint(member.tag)
    const start = writer.position
    writeMember(writer, member, body)
    writer.prefixLengthSince(start)
  }
}

function isWritten(member: Member, body: Record<string, unknown>): boolean {
  const value = body[member.name]
  return value !== undefined && !member.isFallback(value as never)
}

function nullOf(reader: Reader, length: number, nullable: boolean, what: string): null {
  if (length !== -1) throw new ProtocolError(`${what} of length ${length}`, reader.position)
  if (!nullable) throw new ProtocolError(`null ${what} where null is not allowed`, reader.position)
  return null
}

function viewOf(reader: Reader, length: number): Buffer {
  return length === 0 ? noBytes : reader.bytes(length)
}

function writeNull(writer: Writer, form: LengthForm, nullable: boolean, what: string): void {
  if (!nullable) throw new TypeError(`null ${what} where null is not allowed`)
  form.write(writer, -1)
}
