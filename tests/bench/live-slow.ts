// A client that stops reading for half a minute while much is to be told: what the server keeps for it, whether others
// wait for it, and what it is told when it reads again.
import { readFileSync } from 'node:fs'
import type { ServerMessage } from '../../analytics/http/contract.ts'
import type { Appliance } from '../system/appliance.ts'
import { type LiveBench, spread, targets, verdict, wait } from './live-bench.ts'
import { signIns, Watcher } from './live-watchers.ts'
import { quantile } from './usage.ts'

const stillMs = 30_000
const linesPerSecond = 1_000
/** Each a tail of its own, so that more is to be told than any socket buffer of the kernel takes. */
const tails = 8

export async function measureSlow({ appliance, writer, topics }: LiveBench): Promise<void> {
  const [cookie] = await signIns(appliance, 2)
  const other = await Watcher.open(appliance, cookie!, topics)
  const greedy = Array.from({ length: tails }, (_, at) => ({
    topic: 'tail',
    args: { topic: 'logs', filter: `no line holds ${at}`, invert: 'yes' },
  }))
  const slow = await Watcher.open(appliance, cookie!, [...topics, ...greedy])
  const companion = await Watcher.open(appliance, cookie!, [...topics, ...greedy])
  using _ = writer.steadily(linesPerSecond)
  // As long as the rest: what a heap grows by from one collection to the next is in both.
  const without = await watch(appliance, other)
  const bytesBefore = companion.wireBytes
  const queuedBefore = queuedBytes(slow)
  slow.stopReading()
  const during = await watch(appliance, other)
  const queued = queuedBytes(slow) - queuedBefore
  const missedMiB = (companion.wireBytes - bytesBefore) / 2 ** 20
  slow.received = []
  const readsAt = Date.now()
  slow.readAgain()
  await newestAfter(slow, readsAt)
  console.log(
    `slow client, ${stillMs / 1_000} s without reading, ${missedMiB.toFixed(0)} MiB to tell in that time: ` +
      `server's peak ${without.peakMiB} MiB before, ${during.peakMiB} MiB meanwhile`,
  )
  console.log(`  ${(queued / 2 ** 20).toFixed(1)} MiB of it lie in the kernel's buffers for its socket`)
  const { queuedBytesEach } = targets
  console.log(
    `  ${during.queuedMost} B at most waited for it in the server: ` +
      verdict(during.queuedMost <= queuedBytesEach, `${queuedBytesEach} B`),
  )
  const [calm, meanwhile] = [without.gapsMs, during.gapsMs]
  const isMet = Number(quantile(meanwhile, 0.95)) <= Math.max(375, 1.25 * Number(quantile(calm, 0.95)))
  console.log(
    `  others, between two overviews: ${spread(calm)} before, ${spread(meanwhile)} meanwhile: ` +
      verdict(isMet, 'p95 within 1.25 times, or half a tick late'),
  )
  tellReturn(slow, readsAt)
  for (const watcher of [other, slow, companion]) watcher.close()
}

interface Watched {
  /** Between two overviews of another client. */
  readonly gapsMs: readonly number[]
  readonly peakMiB: number
  readonly queuedMost: number
}

async function watch(appliance: Appliance, other: Watcher): Promise<Watched> {
  const pid = appliance.supervisor.pidOf('analytics')!
  other.arrivals = []
  let peakMiB = 0
  let queuedMost = 0
  for (const endsAt = Date.now() + stillMs; Date.now() < endsAt; ) {
    const kiB = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    peakMiB = Math.max(peakMiB, Math.round(Number(kiB) / 1024))
    queuedMost = Math.max(queuedMost, await queuedByServer(appliance))
    await wait(250)
  }
  const { arrivals } = other
  return { gapsMs: arrivals.slice(1).map((at, index) => at - arrivals[index]!), peakMiB, queuedMost }
}

async function queuedByServer({ origin }: Appliance): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text()
  return Number(/^tailrace_live_queued_bytes (\d+)/m.exec(text)?.[1] ?? Number.NaN)
}

/** What the server's kernel has taken for the socket, and what lies here unread, by /proc/net/tcp. */
function queuedBytes(watcher: Watcher): number {
  const port = watcher.localPort.toString(16).toUpperCase().padStart(4, '0')
  let bytes = 0
  for (const row of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, remote, , queues] = row.trim().split(/\s+/)
    if (!queues || !(local!.endsWith(`:${port}`) || remote!.endsWith(`:${port}`))) continue
    for (const queue of queues.split(':')) bytes += Number.parseInt(queue, 16)
  }
  return bytes
}

/** Resolves when every subscription has told something that was made after `sinceMs`. */
async function newestAfter(watcher: Watcher, sinceMs: number): Promise<void> {
  while (Date.now() < sinceMs + 20_000) {
    if (watcher.received!.some(({ message }) => overviewAt(message) > sinceMs)) return
    await wait(50)
  }
}

function overviewAt(message: ServerMessage): number {
  const isData = message.type === 'snap' || message.type === 'delta'
  return isData && message.data.kind === 'overview' ? message.data.overview.at : 0
}

/** Every subscription goes on without a hole: by the next delta, or by a snapshot that stands for what was left out. */
function tellReturn(slow: Watcher, readsAt: number): void {
  const received = slow.received!
  const first = received.find(({ message }) => overviewAt(message) > readsAt)
  const snaps = received.filter(({ message }) => message.type === 'snap')
  const lastSeqs = new Map<number, number>()
  let holes = 0
  for (const { message } of received) {
    if (message.type !== 'snap' && message.type !== 'delta') continue
    const last = lastSeqs.get(message.id)
    if (message.type === 'delta' && last !== undefined && message.seq !== last + 1) holes++
    lastSeqs.set(message.id, message.seq)
  }
  const tookMs = first ? first.atMs - readsAt : Number.POSITIVE_INFINITY
  console.log(
    `  reading again: newest state after ${tookMs} ms, ${received.length} messages of which ${snaps.length} ` +
      `snapshots in place of what was left out, ${holes} holes: ` +
      verdict(tookMs <= 2_000 && holes === 0 && snaps.length > 0, 'within 2 s, no hole that is not told'),
  )
}
