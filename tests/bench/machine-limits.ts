// What this machine can do at all, measured in the same run as the broker: the copy into the page cache, the checksum,
// a bare socket's read, sendfile to a bare socket, and how often a disk says that bytes are on it.
import { closeSync, fdatasyncSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32c } from '../../broker/protocol/crc32c.ts'
import { findSendfile } from '../../broker/sendfile.ts'
import { spawnLoad } from './broker-peer.ts'
import { quantile } from './usage.ts'

export interface Limit {
  readonly megabytesPerSecond: number
  readonly cpuPerGigabyte: number
}

export interface MachineLimits {
  readonly copy16KiB: Limit
  readonly copy1MiB: Limit
  readonly crc16KiB: Limit
  readonly crc1MiB: Limit
  readonly socketRead: Limit
  readonly sendfile: Limit | null
  readonly flushesPerSecond: number
  readonly flushP50Ms: number
  readonly flushP99Ms: number
}

const fileBytesMax = 256 * 1_024 * 1_024

export async function machineLimits(durationMs: number): Promise<MachineLimits> {
  const path = join(tmpdir(), `tailrace-bench-${process.pid}.limit`)
  const fd = openSync(path, 'w+')
  try {
    const small = Buffer.alloc(16 * 1_024, 'x')
    const large = Buffer.alloc(1 << 20, 'x')
    const copy = (bytes: Buffer) => {
      let at = 0
      return limitOf(durationMs, bytes.length, () => {
        writeSync(fd, bytes, 0, bytes.length, at)
        at = (at + bytes.length) % fileBytesMax
      })
    }
    return {
      copy16KiB: copy(small),
      copy1MiB: copy(large),
      crc16KiB: limitOf(durationMs, small.length, () => crc32c(small)),
      crc1MiB: limitOf(durationMs, large.length, () => crc32c(large)),
      socketRead: await socketRead(durationMs),
      sendfile: await sendfile(fd, durationMs),
      ...flushes(fd, durationMs),
    }
  } finally {
    closeSync(fd)
    rmSync(path)
  }
}

function limitOf(durationMs: number, bytes: number, once: () => void): Limit {
  for (let warm = 0; warm < 20; warm++) once()
  const began = performance.now()
  const before = process.cpuUsage()
  let count = 0
  for (; performance.now() - began < durationMs; count++) once()
  return limit(count * bytes, began, before)
}

function limit(bytes: number, beganMs: number, before: NodeJS.CpuUsage): Limit {
  const { user, system } = process.cpuUsage(before)
  return {
    megabytesPerSecond: bytes / 1e3 / (performance.now() - beganMs),
    cpuPerGigabyte: (user + system) / 1e6 / (bytes / 1e9),
  }
}

/** Into one buffer that is used again, as the broker does. */
function socketRead(durationMs: number): Promise<Limit> {
  return overSocket('flood', async socket => {
    let bytes = 0
    socket.on('data', chunk => {
      bytes += chunk.length
    })
    await pause(durationMs / 4)
    bytes = 0
    const began = performance.now()
    const before = process.cpuUsage()
    await pause(durationMs)
    return limit(bytes, began, before)
  })
}

/** The file's first MiB again and again, waiting for room as the broker does. */
async function sendfile(fd: number, durationMs: number): Promise<Limit | null> {
  const send = findSendfile()
  if (send === null) return null
  return overSocket('discard', async socket => {
    const socketFd = (socket as unknown as { _handle: { fd: number } })._handle.fd
    const probe = Buffer.alloc(64 * 1_024)
    const began = performance.now()
    const before = process.cpuUsage()
    let bytes = 0
    while (performance.now() - began < durationMs) {
      const sent = send(socketFd, fd, 0, 1 << 20)
      if (sent < 0) throw new Error('sendfile failed')
      bytes += sent
      if (sent > 0) continue
      await new Promise(resolve => socket.write(probe, resolve))
      bytes += probe.length
    }
    return limit(bytes, began, before)
  })
}

async function overSocket(kind: 'flood' | 'discard', measure: (socket: Socket) => Promise<Limit>) {
  const server = createServer()
  const port = await new Promise<number>(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  const connected = new Promise<Socket>(resolve => server.once('connection', resolve))
  const child = spawnLoad({ kind, port })
  const socket = await connected
  socket.on('error', () => {})
  try {
    return await measure(socket)
  } finally {
    socket.destroy()
    server.close()
    await new Promise(resolve => (child.exitCode === null ? child.once('exit', resolve) : resolve(null)))
  }
}

/** Of appends of 4 KiB, one after the other. */
function flushes(fd: number, durationMs: number) {
  ftruncateSync(fd, 0)
  const page = Buffer.alloc(4_096, 'x')
  const tookMs: number[] = []
  const began = performance.now()
  for (let at = 0; performance.now() - began < durationMs; at += page.length) {
    writeSync(fd, page, 0, page.length, at)
    const before = performance.now()
    fdatasyncSync(fd)
    tookMs.push(performance.now() - before)
  }
  return {
    flushesPerSecond: (tookMs.length * 1_000) / (performance.now() - began),
    flushP50Ms: Number(quantile(tookMs, 0.5)),
    flushP99Ms: Number(quantile(tookMs, 0.99)),
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
