// Sources that are no files: this host's own numbers, statsd over UDP, standard input. Each is written into a file of
// the agent's own, which is then an input like the others. A datagram that comes while the spool is full, or before it
// is written, is gone: UDP promises no more. Standard input waits instead.
import { createSocket, type Socket } from 'node:dgram'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '../runtime/clock.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import type { AgentConfig, AgentInput } from './config.ts'
import type { FileDescription } from './description.ts'
import { startHostMetrics } from './host-metrics.ts'
import { Spool } from './spool.ts'

export interface Sources {
  readonly inputs: readonly AgentInput[]
  /** Resolves when standard input has ended and is acknowledged to its last line; never where it is no source. */
  readonly ended: Promise<void>
  /** Datagrams that found the spool full, or could not be written. */
  readonly dropped: number
  close(): void
}

interface Surroundings {
  readonly clock: Clock
  readonly log: Log
  /** Asked for where it is a source; elsewhere its end may mean something else. */
  stdin(): Readable
  /** What is acknowledged of the agent's files. */
  files(): readonly FileDescription[]
}

const tidyMs = 1_000
const datagramBytesMax = 65_536

/** The input that carries this host's own metrics. */
export function hostMetricsPath(dataDirectory: string): string {
  return join(dataDirectory, 'host-metrics', 'host.jsonl')
}

export async function startSources(config: AgentConfig, around: Surroundings): Promise<Sources> {
  const { dataDirectory, host, hostMetrics, statsd, stdin } = config
  const { clock, log } = around
  const stopping = new AbortController()
  const inputs: AgentInput[] = []
  const spools: Spool[] = []
  const newSpool = (name: string) => {
    const spool = new Spool(dataDirectory, name)
    spools.push(spool)
    return spool
  }
  if (hostMetrics) {
    const path = hostMetricsPath(dataDirectory)
    startHostMetrics(path, host, clock, log, stopping.signal)
    inputs.push({ paths: [path], format: 'metrics' })
  }
  const drops = { count: 0 }
  let socket: Socket | null = null
  if (statsd) {
    const spool = newSpool('statsd')
    socket = await listenForStatsd(statsd, spool, drops, log)
    inputs.push({ paths: [spool.path], format: 'auto', topic: statsd.topic ?? 'metrics' })
  }
  let ended = new Promise<void>(() => undefined)
  if (stdin) {
    const spool = newSpool('stdin')
    ended = spoolStream(around.stdin(), spool).then(async () => {
      while (!stopping.signal.aborted && !spool.isAcknowledged(around.files())) await pause(20)
    })
    inputs.push({ paths: [spool.path], ...stdin })
  }
  const tidy = setInterval(() => {
    try {
      for (const spool of spools) spool.tidy(around.files())
    } catch (error) {
      log.warn('the spool cannot be tidied', { error })
    }
    if (stdin && around.stdin().isPaused() && !spools.some(({ isFull }) => isFull)) around.stdin().resume()
  }, tidyMs)
  tidy.unref()
  const close = () => {
    stopping.abort()
    clearInterval(tidy)
    socket?.close()
    if (stdin) around.stdin().pause()
    for (const spool of spools) spool.close()
  }
  return {
    inputs,
    ended,
    get dropped() {
      return drops.count
    },
    close,
  }
}

async function listenForStatsd(
  { host = '127.0.0.1', port }: NonNullable<AgentConfig['statsd']>,
  spool: Spool,
  drops: { count: number },
  log: Log,
): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  let failing = false
  socket.on('message', datagram => {
    try {
      if (spool.isFull || datagram.length > datagramBytesMax) throw new Error('the spool is full')
      if (datagram.length === 0) return
      const isWhole = datagram.at(-1) === 0x0a
      spool.append(isWhole ? datagram : Buffer.concat([datagram, Buffer.of(0x0a)]))
      failing = false
    } catch (error) {
      drops.count++
      if (!failing)
        log.warn('datagrams are dropped', { error: (error as Error).message, dropped: drops.count })
      failing = true
    }
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ExitError(exitCodes.config, `Cannot listen for statsd on ${host}:${port}: ${error.code}`))
    })
    socket.bind(port, host, resolve)
  })
  socket.on('error', error => log.warn('the statsd socket fails', { error }))
  return socket
}

function spoolStream(stream: Readable, spool: Spool): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      try {
        spool.append(chunk)
      } catch (error) {
        reject(error as Error)
      }
      if (spool.isFull) stream.pause()
    })
    stream.once('end', () => {
      spool.finish()
      resolve()
    })
    stream.once('error', reject)
  })
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
