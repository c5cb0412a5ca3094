// The schema language: a message is data, a field is one line with its version range beside it, and both
// directions are derived from it. `message('X', { flexible: 9 }, { topics: array(struct({ … }), '3+') })`.
// docs/wire.md explains how to read one. No I/O; codecs are made once per message and version.
import { type ExternalBytes, noBytes, type Reader, type Writer, zeroUuid } from './bytes.ts'
import {
  arrayCodec,
  boolCodec,
  bytesCodec,
  type Codec,
  exactInt64Codec,
  float64Codec,
  int8Codec,
  int16Codec,
  int32Codec,
  int64Codec,
  type Member,
  nullableStructCodec,
  recordsCodec,
  stringCodec,
  structCodec,
  uint16Codec,
  uuidCodec,
} from './codecs.ts'

/** '3+' is 3 and above, '0-4' from 0 to 4, '7' exactly 7. */
export type VersionText = `${number}+` | `${number}-${number}` | `${number}`

export interface VersionRange {
  readonly min: number
  readonly max: number
}

const never: VersionRange = { min: 0, max: -1 }

export function versionRange(text: VersionText): VersionRange {
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text)
  if (match === null) throw new TypeError(`Cannot parse versions "${text}": write 3+, 0-4 or 7`)
  const min = Number(match[1])
  if (match[2] === undefined) return { min, max: min }
  return { min, max: match[2] === '+' ? Number.POSITIVE_INFINITY : Number(match[3]) }
}

export function isWithin(range: VersionRange, version: number): boolean {
  return version >= range.min && version <= range.max
}

export type Kind =
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'exactInt64'
  | 'float64'
  | 'bool'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'
  | 'array'
  | 'struct'

/** A declared field: reads as `T`, is written from `E`. `kind`, `of` and `fields` let tools walk a schema. */
export interface Field<T, E = T> {
  readonly kind: Kind
  readonly versions: VersionRange
  readonly nullable: VersionRange
  /** -1 for a plain field. */
  readonly tag: number
  readonly of: AnyField | null
  readonly fields: Shape | null
  /** What an absent field reads as, and what is written when the body leaves it out. */
  readonly fallback: () => T
  readonly isFallback: (value: E) => boolean
  readonly codec: (version: number, flexible: boolean) => Codec<T, E>
}

// biome-ignore lint/suspicious/noExplicitAny: a shape mixes fields of every type; Body and Encodable recover them.
export type AnyField = Field<any, any>
export type Shape = Readonly<Record<string, AnyField>>

type Decoded<S extends Shape> = { -readonly [K in keyof S]: S[K] extends Field<infer T, infer _> ? T : never }
type Accepted<S extends Shape> = {
  readonly [K in keyof S]?: (S[K] extends Field<infer _, infer E> ? E : never) | undefined
}

interface Options<T> {
  readonly default?: T
  readonly nullable?: VersionText
}
type Null<O> = O extends { readonly nullable: string } ? null : never

export const int8 = scalar<number>('int8', int8Codec, 0)
export const int16 = scalar<number>('int16', int16Codec, 0)
export const uint16 = scalar<number>('uint16', uint16Codec, 0)
export const int32 = scalar<number>('int32', int32Codec, 0)
/** A number; values beyond 2^53 are refused. */
export const int64 = scalar<number>('int64', int64Codec, 0)
/** A bigint, for the few fields whose values need all 64 bits. Not for hot paths. */
export const exactInt64 = scalar<bigint>('exactInt64', exactInt64Codec, 0n)
export const float64 = scalar<number>('float64', float64Codec, 0)
export const bool = scalar<boolean>('bool', boolCodec, false)
/** 22 characters of base64url; all zero (`zeroUuid`) means none. */
export const uuid = scalar<string>('uuid', uuidCodec, zeroUuid)

export function string<const O extends Options<string | null>>(
  versions: VersionText = '0+',
  options?: O,
): Field<string | Null<O>> {
  const nullable = options?.nullable ? versionRange(options.nullable) : never
  const fallback = options?.default === undefined ? '' : options.default
  return field<string | null>('string', versions, nullable, fallback, (version, flexible) =>
    stringCodec(isWithin(nullable, version), flexible),
  ) as Field<string | Null<O>>
}

/** Null unless given, in every version that has the field. */
export function nullableString(
  versions: VersionText = '0+',
  options: { readonly default?: string | null } = {},
): Field<string | null> {
  return string(versions, { default: options.default ?? null, nullable: versions })
}

/** A view into the buffer it was read from. */
export function bytes<const O extends Options<Buffer | null>>(
  versions: VersionText = '0+',
  options?: O,
): Field<Buffer | Null<O>, Uint8Array | Null<O>> {
  const nullable = options?.nullable ? versionRange(options.nullable) : never
  const fallback = options?.default === undefined ? noBytes : options.default
  const declared = field<Buffer | null, Uint8Array | null>(
    'bytes',
    versions,
    nullable,
    fallback,
    (version, flexible) => bytesCodec(isWithin(nullable, version), flexible),
  )
  return { ...declared, isFallback: value => sameBytes(value, fallback) } as Field<
    Buffer | Null<O>,
    Uint8Array | Null<O>
  >
}

export function nullableBytes(versions: VersionText = '0+'): Field<Buffer | null, Uint8Array | null> {
  return bytes(versions, { default: null, nullable: versions })
}

/** Record batches as one opaque view, or null. Written from a buffer or as external bytes (see Writer.external). */
export function records(
  versions: VersionText = '0+',
  options: { readonly default?: Buffer | null } = {},
): Field<Buffer | null, Uint8Array | ExternalBytes | null> {
  const fallback = options.default ?? null
  return field('records', versions, versionRange(versions), fallback, (_version, flexible) =>
    recordsCodec(flexible),
  )
}

export function array<T, E, const O extends Options<null>>(
  of: Field<T, E>,
  versions: VersionText = '0+',
  options?: O,
): Field<T[] | Null<O>, readonly E[] | Null<O>> {
  const nullable = options?.nullable ? versionRange(options.nullable) : never
  const nullByDefault = options?.default === null
  const ofObjects = of.kind === 'struct' || of.kind === 'string' || of.kind === 'uuid' || of.kind === 'bytes'
  const declared: Field<T[] | null, readonly E[] | null> = {
    kind: 'array',
    versions: versionRange(versions),
    nullable,
    tag: -1,
    of,
    fields: null,
    fallback: () => (nullByDefault ? null : []),
    isFallback: value => (nullByDefault ? value === null : value !== null && value.length === 0),
    codec: (version, flexible) =>
      arrayCodec(of.codec(version, flexible), ofObjects, isWithin(nullable, version), flexible),
  }
  return declared as Field<T[] | Null<O>, readonly E[] | Null<O>>
}

export function nullableArray<T, E>(
  of: Field<T, E>,
  versions: VersionText = '0+',
): Field<T[] | null, readonly E[] | null> {
  return array(of, versions, { default: null, nullable: versions })
}

export function struct<const S extends Shape>(
  fields: S,
  versions: VersionText = '0+',
): Field<Decoded<S>, Accepted<S>> {
  const members = Object.entries(fields)
  // One frozen default serves every absent struct: a Fetch response has three of them per partition.
  const absent = Object.freeze(Object.fromEntries(members.map(([name, one]) => [name, one.fallback()])))
  const declared: Field<Record<string, unknown>> = {
    kind: 'struct',
    versions: versionRange(versions),
    nullable: never,
    tag: -1,
    of: null,
    fields,
    fallback: () => absent,
    isFallback: value =>
      members.every(([name, one]) => value[name] === undefined || one.isFallback(value[name])),
    codec: (version, flexible) =>
      structCodec(
        members.map(([name, one]) => memberAt(name, one, version, flexible)),
        flexible,
      ),
  }
  return declared as Field<Decoded<S>, Accepted<S>>
}

/** A struct that may be missing; missing unless given. */
export function nullableStruct<const S extends Shape>(
  fields: S,
  versions: VersionText = '0+',
): Field<Decoded<S> | null, Accepted<S> | null> {
  const inner = struct(fields)
  return {
    ...inner,
    versions: versionRange(versions),
    nullable: versionRange(versions),
    fallback: () => null,
    isFallback: value => value === null,
    codec: (version, flexible) => nullableStructCodec(inner.codec(version, flexible)),
  }
}

/** A field that flexible versions carry after the others, by number, and only when it differs from its default. */
export function tagged<T, E>(versions: VersionText, tag: number, of: Field<T, E>): Field<T, E> {
  return { ...of, versions: versionRange(versions), tag }
}

/** A request or response: how each version of it lies on the wire. */
export interface Message<T, E> {
  readonly name: string
  /** First flexible version: compact lengths and tagged fields from here on. Infinity if there is none. */
  readonly flexible: number
  readonly fields: Shape
  /** Every version gives the same keys in the same order; what a version lacks reads as its default. */
  decode(reader: Reader, version: number): T
  /** What the body leaves out is written as its default; what the version lacks is not written. */
  encode(writer: Writer, version: number, body: E): void
}

// biome-ignore lint/suspicious/noExplicitAny: the table of APIs holds messages of every type.
export type AnyMessage = Message<any, any>

/** What decoding a message, or a field of one, yields. */
export type Body<M> = M extends Message<infer T, infer _> ? T : M extends Field<infer T, infer _> ? T : never
/** What encoding it accepts: the same, every key optional. */
export type Encodable<M> =
  M extends Message<infer _, infer E> ? E : M extends Field<infer _, infer E> ? E : never

export function message<const S extends Shape>(
  name: string,
  options: { readonly flexible?: number },
  fields: S,
): Message<Decoded<S>, Accepted<S>> {
  const flexible = options.flexible ?? Number.POSITIVE_INFINITY
  const whole = struct(fields)
  const codecs: Codec<Decoded<S>, Accepted<S>>[] = []
  const codecAt = (version: number) => (codecs[version] ??= whole.codec(version, version >= flexible))
  return {
    name,
    flexible,
    fields,
    decode: (reader, version) => codecAt(version).read(reader),
    encode: (writer, version, body) => codecAt(version).write(writer, body),
  }
}

function scalar<T>(kind: Kind, codec: Codec<T>, zero: T) {
  return (versions: VersionText = '0+', options: { readonly default?: T } = {}): Field<T> =>
    field<T>(kind, versions, never, options.default ?? zero, () => codec)
}

function field<T, E = T>(
  kind: Kind,
  versions: VersionText,
  nullable: VersionRange,
  fallback: T,
  codec: Field<T, E>['codec'],
): Field<T, E> {
  return {
    kind,
    versions: versionRange(versions),
    nullable,
    tag: -1,
    of: null,
    fields: null,
    fallback: () => fallback,
    isFallback: value => (value as unknown) === fallback,
    codec,
  }
}

function memberAt(name: string, one: AnyField, version: number, flexible: boolean): Member {
  const present = isWithin(one.versions, version)
  if (present && one.tag >= 0 && !flexible) {
    throw new TypeError(`Cannot declare ${name}: tag ${one.tag} at version ${version}, which is not flexible`)
  }
  return {
    name,
    tag: one.tag,
    codec: present ? one.codec(version, flexible) : null,
    fallback: one.fallback,
    isFallback: one.isFallback,
  }
}

function sameBytes(value: Uint8Array | null, fallback: Buffer | null): boolean {
  if (value === null || fallback === null) return value === fallback
  return fallback.equals(value)
}
