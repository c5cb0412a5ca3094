// For tests and benchmarks: a writer that is as fast as it is told to be, rotates as it writes and deletes what it
// rotated, while the sink is blocked for a time: what the tailer made of it, line by line. The writer is a thread. On a
// machine that is too slow for the times it is given, each waits for the other: no rotation without a look since the
// last one, and the sink is blocked until a deleted file is held.
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createLog } from '../runtime/log.ts'
import { Discovery } from './discover.ts'
import { Tailer } from './tail.ts'
import type { TailSink } from './tail-options.ts'
import type { Loss } from './tracker.ts'

export interface OutrunOptions {
  /** At least. */
  readonly seconds: number
  readonly bytesPerSecond: number
  readonly rotateMs: number
  /** Rotated files beside the one that grows. */
  readonly keep: number
  /** At least. */
  readonly blockedMs: number
}

export interface OutrunOutcome {
  readonly written: number
  readonly missing: number
  readonly doubled: number
  readonly losses: readonly Loss[]
  readonly pinnedBytesMax: number
  readonly openFilesMax: number
}

const lineBytes = 500
/** After this long without a deleted file to be held there will be none. */
const patienceMs = 20_000

const writer = `
const { openSync, writeSync, closeSync, renameSync, existsSync, rmSync } = require('node:fs')
const { parentPort, workerData } = require('node:worker_threads')
const { path, bytesPerSecond, rotateMs, keep, lineBytes, shared } = workerData
const rest = '.'.repeat(lineBytes - 11)
let file = openSync(path, 'a'), written = 0, rotatedAt = 0, sweepsThen = 0
const began = performance.now()
const pause = new Int32Array(new SharedArrayBuffer(4))
parentPort.postMessage('began')
for (let now = 0; Atomics.load(shared, 1) === 0; now = performance.now() - began) {
  const due = Math.floor(now / 1000 * bytesPerSecond / lineBytes)
  let text = ''
  for (let n = 0; written < due && n < 2000; n++) text += String(written++).padStart(10, '0') + rest + '\\n'
  for (let bytes = Buffer.from(text); bytes.length > 0; ) bytes = bytes.subarray(writeSync(file, bytes))
  const sweeps = Atomics.load(shared, 0)
  if (now - rotatedAt >= rotateMs && sweeps !== sweepsThen) {
    rotatedAt = now
    sweepsThen = sweeps
    rmSync(path + '.' + keep, { force: true })
    for (let i = keep - 1; i >= 1; i--) if (existsSync(path + '.' + i)) renameSync(path + '.' + i, path + '.' + (i + 1))
    renameSync(path, path + '.1')
    closeSync(file)
    file = openSync(path, 'a')
  }
  if (written >= due) Atomics.wait(pause, 0, 0, 2)
}
parentPort.postMessage(written)
`

export async function outrun(options: OutrunOptions): Promise<OutrunOutcome> {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'outrun-'))
  const path = join(directory.path, 'x.log')
  const seen: number[] = []
  const losses: Loss[] = []
  const sink = countingSink(seen, losses)
  const discovery = new Discovery([{ paths: [path], format: 'raw' }])
  const tailer = new Tailer({ discovery, sink, log: createLog('test', () => {}), drainMs: 0, rescanMs: 0 })
  // How often the tailer has looked; and whether the writer shall end.
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const thread = new Worker(writer, { eval: true, workerData: { path, lineBytes, shared, ...options } })
  await once(thread, 'message')
  const began = performance.now()
  // A third of the time it keeps up, then nothing can be sent.
  const blockAtMs = (options.seconds * 1_000 - options.blockedMs) / 3
  const freeAtMs = blockAtMs + options.blockedMs
  const largest = { pinned: 0, open: 0 }
  let isFreed = false
  const sweep = () => {
    tailer.sweep(performance.now())
    Atomics.add(shared, 0, 1)
    largest.pinned = Math.max(largest.pinned, tailer.pinnedDeletedBytes)
    largest.open = Math.max(largest.open, tailer.openFileCount)
  }
  const turn = () => {
    sweep()
    const now = performance.now() - began
    if (!isFreed && now >= blockAtMs) sink.room = false
    const isHeld = largest.pinned > 0 || now >= freeAtMs + patienceMs
    if (!isFreed && now >= freeAtMs && isHeld) {
      isFreed = true
      sink.room = true
      tailer.pump()
    }
    if (isFreed && now >= options.seconds * 1_000) Atomics.store(shared, 1, 1)
  }
  const sweeping = setInterval(turn, 50)
  const [written] = (await once(thread, 'message')) as [number]
  clearInterval(sweeping)
  for (let round = 0; round < 4; round++) {
    sweep()
    while (!tailer.isIdle) tailer.pump()
  }
  tailer.close()
  let missing = 0
  let doubled = 0
  for (let line = 0; line < written; line++) {
    const times = seen[line] ?? 0
    if (times === 0) missing++
    if (times > 1) doubled++
  }
  return { written, missing, doubled, losses, pinnedBytesMax: largest.pinned, openFilesMax: largest.open }
}

/** Whatever comes is acknowledged at once; lines are told by their number. */
function countingSink(seen: number[], losses: Loss[]): TailSink & { room: boolean } {
  const routing = { topic: 't', partitions: 1, keyField: null, hashKey: '0123456789abcdef' }
  return {
    agentId: 'agent000',
    room: true,
    hasRoom() {
      return this.room
    },
    formatOf: () => 'raw',
    routingOf: (_input, format) => ({ ...routing, format }),
    isRoutable: () => true,
    append: (_span, bytes, start) => {
      const line = Number(bytes.toString('latin1', start, start + 10))
      seen[line] = (seen[line] ?? 0) + 1
    },
    lose: loss => losses.push(loss),
  }
}
