// `npm run bench -- live [--quick] [--only pixel,frames,goaccess,heap,watchers,slow]`: what a live page costs and how
// fresh it is. A line's way to the pixel in a real Chromium, the frames of a fast tail, GoAccess on the same lines, the
// page's heap after an hour, the server's CPU and bytes for a hundred watching clients, one that stops reading. Each
// figure beside its target.
import { mkdtempDisposable } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openBrowser } from '../browser/browser.ts'
import { startAppliance } from '../system/appliance.ts'
import { LineWriter } from './line-writer.ts'
import { type LiveBench, spread, targets, verdict, wait } from './live-bench.ts'
import { measureFrames } from './live-frames.ts'
import { measureGoAccess } from './live-goaccess.ts'
import {
  allPainted,
  heapMiB,
  type OverviewPage,
  openOverview,
  paintedCounts,
  replay,
  watchCount,
} from './live-page.ts'
import { measureSlow } from './live-slow.ts'
import { measureWatchers } from './live-watchers.ts'
import { quantile } from './usage.ts'

const parts = ['pixel', 'frames', 'goaccess', 'heap', 'watchers', 'slow'] as const
const ticksPerMinute = 240
/** A hundred lines a second. */
const rowsPerTick = 25

export async function runLive(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
  })
  const wanted = values.only?.split(',') ?? parts
  await using temporary = await mkdtempDisposable(join(tmpdir(), 'tailrace-live-'))
  const writer = new LineWriter(join(temporary.path, 'access.log'))
  await using appliance = await startAppliance([{ paths: [writer.path], format: 'combined', topic: 'logs' }])
  const browser = await openBrowser()
  console.log(`load average ${load()}`)
  try {
    const overview = await openOverview(browser, appliance)
    const { topics } = overview
    const bench = { appliance, browser, writer, topics, directory: temporary.path, isQuick: values.quick }
    if (wanted.includes('pixel')) await measurePixel(bench, overview)
    if (wanted.includes('goaccess')) await measureGoAccess(bench, overview)
    if (wanted.includes('heap')) await measureHeap(bench, overview)
    await overview.page.context().close()
    if (wanted.includes('frames')) await measureFrames(bench)
    if (wanted.includes('watchers')) await measureWatchers(bench)
    if (wanted.includes('slow')) await measureSlow(bench)
  } finally {
    await browser.close()
  }
  console.log(`load average ${load()}`)
}

const load = () => loadavg()[0]!.toFixed(1)

/** Single lines at moments that have nothing to do with the server's ticks; then the same at 500 lines a second. */
async function measurePixel({ writer, isQuick }: LiveBench, { page }: OverviewPage): Promise<void> {
  await watchCount(page)
  const single = writer.marks.length
  for (let line = 0; line < (isQuick ? 30 : 120); line++) {
    writer.write(1)
    await wait(150 + Math.random() * 400)
  }
  await allPainted(page, writer)
  tell('line to pixel, single lines', writer.lagsMs(await paintedCounts(page), single))
  const busy = writer.marks.length
  {
    using _ = writer.steadily(500)
    await wait(isQuick ? 5_000 : 20_000)
  }
  await allPainted(page, writer)
  tell('line to pixel, 500 lines/s', writer.lagsMs(await paintedCounts(page), busy))
  const { received, conflated, flushMsMax } = await page.evaluate(() => window.__live)
  const flush = Number(flushMsMax).toFixed(1)
  console.log(
    `  the page received ${received} messages, conflated ${conflated}; its longest flush ${flush} ms`,
  )
}

function tell(what: string, lagsMs: readonly number[]): void {
  const { pixelP50Ms, pixelP95Ms } = targets
  const isMet = Number(quantile(lagsMs, 0.5)) <= pixelP50Ms && Number(quantile(lagsMs, 0.95)) <= pixelP95Ms
  const target = verdict(isMet, `p50 ${pixelP50Ms}, p95 ${pixelP95Ms} ms`)
  console.log(`${what}, ${lagsMs.length} writes: ${spread(lagsMs)}: ${target}`)
}

/** From when every ring of the page is full: five minutes of messages; then an hour of them. */
async function measureHeap({ isQuick }: LiveBench, { page }: OverviewPage): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.enable')
  const fresh = await heapMiB(session)
  await replay(page, 5 * ticksPerMinute, rowsPerTick)
  const start = await heapMiB(session)
  const before = Number((await page.evaluate(() => window.__live))['received'])
  const minutes = isQuick ? 10 : 60
  await replay(page, minutes * ticksPerMinute, rowsPerTick)
  const end = await heapMiB(session)
  const { received, phase, duplicates, resubscribes } = await page.evaluate(() => window.__live)
  const isMet = end / start <= targets.heapRatio && end <= targets.heapMiB
  console.log(
    `heap of the page: ${fresh.toFixed(1)} MiB when opened, ${start.toFixed(1)} with every list full, ` +
      `${end.toFixed(1)} after ${minutes} minutes more: ${(end / start).toFixed(2)} times: ` +
      verdict(isMet, `${targets.heapRatio} times and ${targets.heapMiB} MiB`),
  )
  console.log(
    `  ${Number(received) - before} messages taken, ${duplicates} twice, ${resubscribes} gaps; the page is ${phase}`,
  )
}
