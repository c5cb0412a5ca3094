// Sends one connection's answers in order: bytes from memory, and ranges of segment files by sendfile where that
// is possible, else through a pooled buffer. What may have left the page cache is read on the thread pool first.
// Owns the order of bytes on its socket; nobody else writes to it.
import fs from 'node:fs'
import type { Socket } from 'node:net'
import type { Counter } from '../runtime/metrics.ts'
import type { LogFile } from './log/log-file.ts'
import type { ExternalBytes } from './protocol/bytes.ts'
import type { findSendfile } from './sendfile.ts'

/** Whole batches of one segment file, as a Fetch answer carries them. Retained when made, released when sent. */
export class FileRange implements ExternalBytes {
  readonly file: LogFile
  readonly position: number
  readonly sizeInBytes: number
  /** Far behind the log's end, so perhaps not in the page cache: to be read on the thread pool. */
  readonly isCold: boolean

  constructor(file: LogFile, position: number, sizeInBytes: number, isCold: boolean) {
    this.file = file
    this.position = position
    this.sizeInBytes = sizeInBytes
    this.isCold = isCold
    // Opened by being asked for; kept open until the range has been sent.
    if (file.fd >= 0) file.retain()
  }
}

export interface SendCounters {
  readonly sendfileBytes: Counter
  readonly copiedBytes: Counter
  readonly memoryBytes: Counter
}

/** Through user space goes this much at a time; also what is written after a full socket, to hear when it has room. */
const copyChunkBytes = 256 * 1024
const probeChunkBytes = 64 * 1024
const pooledBuffersMax = 8
/** Read ahead of sendfile at a time. */
const warmChunkBytes = 1024 * 1024
/** Cold bytes are read into it for the page cache's sake, by all connections at once: nobody looks at them there. */
let unread: Buffer | null = null
const endedShort = 'a segment ended before the range that was promised'
const pool: Buffer[] = []

export class ResponseSender {
  readonly #socket: Socket
  readonly #findSendfile: typeof findSendfile
  readonly #counters: SendCounters
  readonly #onIdle: () => void
  readonly #onBroken: (reason: string) => void
  /** Pieces not handed to the socket yet. Empty means that the next answer may be encoded. */
  #pieces: (Buffer | ExternalBytes)[] = []
  #next = 0
  /** How much of the range at `#next` has been sent. */
  #rangeSent = 0
  /** Up to here the range at `#next` has been read on the thread pool, if it was cold: it is in the page cache. */
  #warmEnd = 0
  #copyBuffer: Buffer | null = null
  /** A write, or a read on the thread pool, is under way; its callback goes on. */
  #writing = false
  #reading = false
  readonly #resume = (): void => this.#onWritten()
  readonly #onRead = (error: Error | null, count: number): void => this.#onColdRead(error, count)
  readonly #onWarmed = (error: Error | null, count: number): void => this.#onRangeWarmed(error, count)

  constructor(
    socket: Socket,
    find: typeof findSendfile,
    counters: SendCounters,
    onIdle: () => void,
    onBroken: (reason: string) => void,
  ) {
    this.#socket = socket
    this.#findSendfile = find
    this.#counters = counters
    this.#onIdle = onIdle
    this.#onBroken = onBroken
  }

  /** True while pieces of an answer are still to be sent: their buffers are in use. */
  get isBusy(): boolean {
    return this.#pieces.length > 0
  }

  send(pieces: (Buffer | ExternalBytes)[]): void {
    if (this.isBusy) throw new Error('Cannot send: the answer before is still under way')
    this.#pieces = pieces
    this.#next = 0
    this.#rangeSent = 0
    this.#warmEnd = 0
    this.#run()
  }

  /** The socket is gone: lets go of every file that no read is using. */
  abandon(): void {
    for (let at = this.#next; at < this.#pieces.length; at++) {
      const piece = this.#pieces[at]
      if (piece instanceof FileRange && !(this.#reading && at === this.#next)) piece.file.release()
    }
    if (this.#reading) {
      this.#pieces = this.#pieces.slice(this.#next, this.#next + 1)
      this.#next = 0
      return
    }
    this.#pieces = []
    this.#next = 0
    // A write that never returned may still hold it: then it is not for anybody else.
    if (this.#writing) this.#copyBuffer = null
    this.#returnBuffer()
  }

  #run(): void {
    while (this.#next < this.#pieces.length && !this.#writing && !this.#reading) {
      if (this.#socket.destroyed) {
        this.abandon()
        return
      }
      const piece = this.#pieces[this.#next]!
      if (piece instanceof FileRange) this.#sendRange(piece)
      else this.#sendBytes(piece as Buffer)
    }
    if (this.#next < this.#pieces.length || this.#writing) return
    this.#pieces = []
    this.#returnBuffer()
  }

  #sendBytes(bytes: Buffer): void {
    this.#next++
    this.#counters.memoryBytes.add(bytes.length)
    this.#write(bytes)
  }

  /** Nothing may follow, and the buffer may not be used again, before the callback says that all was taken. */
  #write(bytes: Buffer): void {
    this.#writing = true
    this.#socket.write(bytes, this.#resume)
  }

  #sendRange(range: FileRange): void {
    if (range.isCold && this.#rangeSent >= this.#warmEnd) {
      this.#readCold(range)
      return
    }
    const sendfile = this.#findSendfile()
    const socketFd = descriptorOf(this.#socket)
    if (sendfile === null || socketFd < 0) {
      this.#copy(range, copyChunkBytes)
      return
    }
    const end = range.isCold ? this.#warmEnd : range.sizeInBytes
    while (this.#rangeSent < end) {
      const left = end - this.#rangeSent
      const sent = sendfile(socketFd, range.file.fd, range.position + this.#rangeSent, left)
      if (sent < 0) {
        this.#onBroken('sendfile failed')
        return
      }
      if (sent === 0) {
        // Full, or the file ended short: copying the next piece tells which, and its callback when there is room.
        this.#copy(range, probeChunkBytes)
        return
      }
      this.#counters.sendfileBytes.add(sent)
      this.#rangeSent += sent
    }
    if (this.#rangeSent === range.sizeInBytes) this.#finishRange(range)
  }

  #copy(range: FileRange, chunkBytes: number): void {
    const buffer = this.#borrowBuffer()
    const end = range.isCold ? this.#warmEnd : range.sizeInBytes
    const length = Math.min(chunkBytes, end - this.#rangeSent)
    const position = range.position + this.#rangeSent
    this.#writeCopied(fs.readSync(range.file.fd, buffer, 0, length, position))
  }

  #readCold(range: FileRange): void {
    const { fd } = range.file
    const left = range.sizeInBytes - this.#rangeSent
    const position = range.position + this.#rangeSent
    this.#reading = true
    if (this.#findSendfile() === null || descriptorOf(this.#socket) < 0) {
      fs.read(fd, this.#borrowBuffer(), 0, Math.min(copyChunkBytes, left), position, this.#onRead)
      return
    }
    unread ??= Buffer.allocUnsafeSlow(warmChunkBytes)
    fs.read(fd, unread, 0, Math.min(warmChunkBytes, left), position, this.#onWarmed)
  }

  #onColdRead(error: Error | null, count: number): void {
    this.#reading = false
    if (this.#socket.destroyed) this.abandon()
    else if (error) this.#onBroken(`a segment could not be read: ${error.message}`)
    else this.#writeCopied(count)
  }

  #onRangeWarmed(error: Error | null, count: number): void {
    this.#reading = false
    if (this.#socket.destroyed) this.abandon()
    else if (error) this.#onBroken(`a segment could not be read: ${error.message}`)
    else if (count === 0) this.#onBroken(endedShort)
    else {
      this.#warmEnd = this.#rangeSent + count
      this.#run()
      if (!this.isBusy && !this.#socket.destroyed) this.#onIdle()
    }
  }

  #writeCopied(count: number): void {
    if (count === 0) {
      // The length is already on the wire: nothing that follows could be understood.
      this.#onBroken(endedShort)
      return
    }
    this.#rangeSent += count
    this.#counters.copiedBytes.add(count)
    this.#write(this.#copyBuffer!.subarray(0, count))
  }

  #onWritten(): void {
    this.#writing = false
    const piece = this.#pieces[this.#next]
    if (piece instanceof FileRange && this.#rangeSent === piece.sizeInBytes) this.#finishRange(piece)
    this.#run()
    if (!this.isBusy && !this.#socket.destroyed) this.#onIdle()
  }

  #finishRange(range: FileRange): void {
    range.file.release()
    this.#rangeSent = 0
    this.#warmEnd = 0
    this.#next++
  }

  #borrowBuffer(): Buffer {
    this.#copyBuffer ??= pool.pop() ?? Buffer.allocUnsafeSlow(copyChunkBytes)
    return this.#copyBuffer
  }

  #returnBuffer(): void {
    if (this.#copyBuffer !== null && pool.length < pooledBuffersMax) pool.push(this.#copyBuffer)
    this.#copyBuffer = null
  }
}

/** The socket's own non-blocking descriptor; -1 when it has none or when bytes are queued before ours. */
function descriptorOf(socket: Socket): number {
  if (socket.destroyed || socket.writableLength > 0) return -1
  const handle = (socket as unknown as { _handle: { fd?: number } | null })._handle
  return handle?.fd ?? -1
}
