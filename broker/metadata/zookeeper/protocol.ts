// The part of ZooKeeper's wire protocol that the metadata store needs: requests to bytes, answers from bytes, for
// servers from 3.6 on. The layouts are those of zookeeper.jute in ZooKeeper's source. No I/O.
import { JuteError, JuteReader, JuteWriter } from './jute.ts'

export const operationCodes = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  auth: 100,
  addWatch: 106,
  closeSession: -11,
  error: -1,
} as const

export const errorCodes = {
  none: 0,
  systemError: -1,
  runtimeInconsistency: -2,
  connectionLoss: -4,
  marshallingError: -5,
  unimplemented: -6,
  operationTimeout: -7,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidAcl: -114,
  authFailed: -115,
  sessionMoved: -118,
  quotaExceeded: -125,
} as const

/** For people: the name where we know it, the number where we do not. */
export function errorName(code: number): string {
  return Object.entries(errorCodes).find(([, value]) => value === code)?.[0] ?? `error ${code}`
}

/** The xids that are no request of ours. */
export const specialXids = { notification: -1, ping: -2, auth: -4 } as const

/** A server drops the connection of whoever sends more (jute.maxbuffer), which would look like a lost answer. */
export const requestBytesMax = 1_000_000

/** Any version, in checks and deletes. */
export const anyVersion = -1

export interface Acl {
  readonly scheme: string
  readonly id: string
}
/** Whoever reaches the servers. */
export const openAcl: Acl = { scheme: 'world', id: 'anyone' }
/** Whoever the connection that creates has authenticated as. */
export const creatorAcl: Acl = { scheme: 'auth', id: '' }
const allPermissions = 31

export interface Stat {
  readonly czxid: bigint
  readonly mzxid: bigint
  readonly version: number
  readonly ephemeralOwner: bigint
  readonly childCount: number
}

export interface Request {
  readonly type: number
  /** What follows the header. */
  readonly body: Buffer
}

export type MultiOperation =
  | { readonly type: 'check'; readonly path: string; readonly version: number }
  | { readonly type: 'delete'; readonly path: string; readonly version: number }
  | { readonly type: 'setData'; readonly path: string; readonly data: Uint8Array; readonly version: number }
  | {
      readonly type: 'create'
      readonly path: string
      readonly data: Uint8Array
      readonly acl: Acl
      readonly isEphemeral: boolean
    }

export interface MultiResult {
  readonly error: number
  /** Of a setData. */
  readonly stat: Stat | null
}

export interface ConnectRequest {
  readonly lastZxid: bigint
  readonly timeoutMs: number
  readonly sessionId: bigint
  readonly password: Buffer
}

export interface ConnectResponse {
  /** Granted; 0 when the session asked for is over. */
  readonly timeoutMs: number
  readonly sessionId: bigint
  readonly password: Buffer
}

export interface ReplyHeader {
  readonly xid: number
  readonly zxid: bigint
  readonly error: number
}

/** Of the recursive watch: the node that was created, deleted or changed. */
export interface WatchEvent {
  readonly type: number
  readonly path: string
}

export const noPassword: Buffer = Buffer.alloc(16)
const emptyBody = Buffer.alloc(0)

export function encodeConnect(request: ConnectRequest): Buffer {
  return new JuteWriter(64)
    .int(0)
    .long(request.lastZxid)
    .int(request.timeoutMs)
    .long(request.sessionId)
    .bytes(request.password)
    .bool(false) // a server cut off from its quorum must not take us
    .finishFrame()
}

export function decodeConnect(frame: Buffer): ConnectResponse {
  const reader = new JuteReader(frame)
  reader.int()
  const timeoutMs = reader.int()
  const sessionId = reader.long()
  return { timeoutMs, sessionId, password: Buffer.from(reader.bytes()) }
}

export function encodeRequest(xid: number, { type, body }: Request): Buffer {
  return new JuteWriter(body.length + 8).int(xid).int(type).raw(body).finishFrame()
}

export function decodeReplyHeader(reader: JuteReader): ReplyHeader {
  const xid = reader.int()
  const zxid = reader.long()
  return { xid, zxid, error: reader.int() }
}

export const pingFrame: Buffer = encodeRequest(specialXids.ping, {
  type: operationCodes.ping,
  body: emptyBody,
})

export const closeSession: Request = { type: operationCodes.closeSession, body: emptyBody }

export function digestAuth(user: string, password: string): Request {
  const credentials = Buffer.from(`${user}:${password}`)
  const body = new JuteWriter().int(0).string('digest').bytes(credentials).finish()
  return { type: operationCodes.auth, body }
}

function pathAndNoWatch(type: number, path: string): Request {
  return { type, body: new JuteWriter().string(path).bool(false).finish() }
}

export const getData = (path: string): Request => pathAndNoWatch(operationCodes.getData, path)
export const exists = (path: string): Request => pathAndNoWatch(operationCodes.exists, path)
export const getChildren2 = (path: string): Request => pathAndNoWatch(operationCodes.getChildren2, path)

export function sync(path: string): Request {
  return { type: operationCodes.sync, body: new JuteWriter().string(path).finish() }
}

/** Persistent and recursive: the node and all below it, until the connection ends. */
export function addWatch(path: string): Request {
  return { type: operationCodes.addWatch, body: new JuteWriter().string(path).int(1).finish() }
}

export function multi(operations: readonly MultiOperation[]): Request {
  const writer = new JuteWriter(operations.length * 128 + 16)
  for (const operation of operations) {
    writer.int(operationCodes[operation.type]).bool(false).int(-1)
    encodeOperation(writer, operation)
  }
  writer.int(-1).bool(true).int(-1)
  return { type: operationCodes.multi, body: writer.finish() }
}

export function create(path: string, data: Uint8Array, acl: Acl): Request {
  const writer = new JuteWriter()
  encodeOperation(writer, { type: 'create', path, data, acl, isEphemeral: false })
  return { type: operationCodes.create, body: writer.finish() }
}

function encodeOperation(writer: JuteWriter, operation: MultiOperation): void {
  writer.string(operation.path)
  switch (operation.type) {
    case 'check':
    case 'delete':
      writer.int(operation.version)
      return
    case 'setData':
      writer.bytes(operation.data).int(operation.version)
      return
    case 'create':
      writer.bytes(operation.data)
      writer.int(1).int(allPermissions).string(operation.acl.scheme).string(operation.acl.id)
      writer.int(operation.isEphemeral ? 1 : 0)
      return
  }
}

function decodeStat(reader: JuteReader): Stat {
  const czxid = reader.long()
  const mzxid = reader.long()
  reader.take(16) // ctime, mtime: the servers' wall clocks
  const version = reader.int()
  reader.take(8) // cversion, aversion
  const ephemeralOwner = reader.long()
  reader.take(4) // dataLength
  const childCount = reader.int()
  reader.take(8) // pzxid
  return { czxid, mzxid, version, ephemeralOwner, childCount }
}

export function decodeGetData(body: Buffer): { readonly data: Buffer; readonly stat: Stat } {
  const reader = new JuteReader(body)
  const data = reader.bytes()
  return { data, stat: decodeStat(reader) }
}

export function decodeExists(body: Buffer): Stat {
  return decodeStat(new JuteReader(body))
}

export function decodeChildren2(body: Buffer): { readonly children: string[]; readonly stat: Stat } {
  const reader = new JuteReader(body)
  const children = reader.strings()
  return { children, stat: decodeStat(reader) }
}

/**
 * One result for each operation. When one failed the header says nothing of it: that one's result has its error,
 * those before it 0, those behind it runtimeInconsistency, and nothing was applied.
 */
export function decodeMulti(body: Buffer): MultiResult[] {
  const reader = new JuteReader(body)
  const results: MultiResult[] = []
  for (;;) {
    const type = reader.int()
    const isDone = reader.bool()
    reader.int()
    if (isDone) return results
    results.push(decodeResult(reader, type))
  }
}

function decodeResult(reader: JuteReader, type: number): MultiResult {
  switch (type) {
    case operationCodes.create:
      reader.bytes()
      return { error: errorCodes.none, stat: null }
    case operationCodes.check:
    case operationCodes.delete:
      return { error: errorCodes.none, stat: null }
    case operationCodes.setData:
      return { error: errorCodes.none, stat: decodeStat(reader) }
    case operationCodes.error:
      return { error: reader.int(), stat: null }
    default:
      throw new JuteError(`Cannot read the answer of a multi: it has a result of type ${type}`)
  }
}

export function decodeWatchEvent(reader: JuteReader): WatchEvent {
  const type = reader.int()
  reader.int()
  return { type, path: reader.string() }
}
