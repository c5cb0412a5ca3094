// The live tail in a real Chromium at 500 lines a second: the time between its frames, beside those of the same page
// with nothing to show, so that what the machine itself drops is not blamed on the page.
import type { CDPSession, Page } from 'playwright'
import { type LiveBench, targets, verdict, wait } from './live-bench.ts'
import { quantile } from './usage.ts'

interface Frames {
  /** Milliseconds between two animation frames, in order. */
  readonly gaps: number[]
  /** Milliseconds of each task longer than 50. */
  readonly longTasks: number[]
}

/** A gap of a frame and a half is one frame that was not there. */
const frameMs = 1000 / 60
const droppedMs = 1.5 * frameMs

export async function measureFrames({ appliance, browser, writer, isQuick }: LiveBench): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 }, locale: 'en-US' })
  const page = await context.newPage()
  const seconds = isQuick ? 8 : 20
  try {
    await page.goto(await appliance.loginLink())
    await page.locator('.pill[data-state="live"]').waitFor()
    await page.goto(`${appliance.origin}/tail?topic=logs`)
    await page.locator('.tail-row').first().waitFor()
    const session = await context.newCDPSession(page)
    // The thread's own time: on a busy machine the clock's says more about others.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' })
    await tellFrames('frames of the tail, no new line', page, session, seconds)
    using _ = writer.steadily(500)
    await wait(3_000)
    const before = await linesSeen(page)
    const dropped = await tellFrames('frames of the tail, 500 lines/s', page, session, seconds)
    const lines = ((await linesSeen(page)) - before) / seconds
    const { flushMsMax } = await page.evaluate(() => window.__live)
    console.log(
      `  ${Math.round(lines)} lines/s shown, longest flush ${Number(flushMsMax).toFixed(1)} ms: ` +
        verdict(dropped <= targets.droppedShare, `${100 * targets.droppedShare} % of frames`),
    )
  } finally {
    await context.close()
  }
}

const linesSeen = async (page: Page) => Number((await page.evaluate(() => window.__live))['linesSeen'])

/** Returns the share of frames that were not there. */
async function tellFrames(what: string, page: Page, session: CDPSession, seconds: number): Promise<number> {
  const start = await taskSeconds(session)
  const { gaps, longTasks } = await watchFrames(page, seconds)
  const busy = ((await taskSeconds(session)) - start) / seconds
  const missing = gaps.reduce((sum, gap) => sum + Math.max(0, Math.round(gap / frameMs) - 1), 0)
  const share = missing / (gaps.length + missing)
  const [p50, p99, worst] = [0.5, 0.99, 1].map(q => Number(quantile(gaps, q)).toFixed(1))
  console.log(
    `${what}, ${seconds} s: ${gaps.length} frames, gaps p50 ${p50} ms, p99 ${p99}, longest ${worst}; ` +
      `${gaps.filter(gap => gap > droppedMs).length} late, ${missing} (${(100 * share).toFixed(1)} %) missing; ` +
      `${longTasks.length} tasks over 50 ms; CPU of the main thread ${(1000 * busy).toFixed(0)} ms a second`,
  )
  return share
}

async function taskSeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0
}

function watchFrames(page: Page, seconds: number): Promise<Frames> {
  return page.evaluate(
    ms =>
      new Promise<Frames>(resolve => {
        const gaps: number[] = []
        const longTasks: number[] = []
        const tasks = new PerformanceObserver(list => {
          for (const { duration } of list.getEntries()) longTasks.push(duration)
        })
        tasks.observe({ type: 'longtask' })
        const started = performance.now()
        let last = started
        const onFrame = (now: number) => {
          if (last > started) gaps.push(now - last)
          last = now
          if (now - started < ms) requestAnimationFrame(onFrame)
          else {
            tasks.disconnect()
            resolve({ gaps, longTasks })
          }
        }
        requestAnimationFrame(onFrame)
      }),
    seconds * 1000,
  )
}
