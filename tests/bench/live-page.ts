// The overview in a real Chromium as a measuring device: when it has painted which count, what it subscribes to, and
// how its heap stands after an hour of messages that go through the page's own socket in a minute.
import type { Browser, CDPSession, Page } from 'playwright'
import type { Appliance } from '../system/appliance.ts'
import type { LineWriter, Mark } from './line-writer.ts'

export interface WantedTopic {
  readonly topic: string
  readonly args: Readonly<Record<string, string>>
}

export interface OverviewPage {
  readonly page: Page
  /** What this page has subscribed to. */
  readonly topics: WantedTopic[]
}

interface Probe {
  painted: Mark[]
  replay(ticks: number, stepMs: number, rowsPerTick: number): Promise<void>
}

export async function openOverview(browser: Browser, appliance: Appliance): Promise<OverviewPage> {
  const context = await browser.newContext({
    viewport: { width: 1_440, height: 900 },
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  await page.addInitScript(holdSocket)
  const topics: WantedTopic[] = []
  page.on('websocket', socket =>
    socket.on('framesent', ({ payload }) => {
      const message = JSON.parse(String(payload)) as { type: string } & WantedTopic
      if (message.type === 'sub') topics.push({ topic: message.topic, args: message.args })
    }),
  )
  await page.goto(await appliance.loginLink())
  await page.locator('.pill[data-state="live"]').waitFor()
  await page.locator('#tile-lines .tile-value[title]').waitFor()
  await page.locator('.tail-row').first().waitFor()
  return { page, topics }
}

/** From now on notes every count that the tile of lines says, at the moment the browser has drawn it. */
export function watchCount(page: Page): Promise<void> {
  return page.evaluate(() => {
    const painted: { count: number; atMs: number }[] = []
    Object.assign(window, { probe: Object.assign((window as { probe?: object }).probe ?? {}, { painted }) })
    const tile = document.querySelector('#tile-lines .tile-value')!
    const note = () => {
      const count = Number((tile.getAttribute('title') ?? '').replace(/\D/g, ''))
      // The frame that shows it begins with the callback; after it, a message of its own comes when it is drawn.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel()
        port1.onmessage = () => painted.push({ count, atMs: performance.timeOrigin + performance.now() })
        port2.postMessage(null)
      })
    }
    new MutationObserver(note).observe(tile, { attributes: true, attributeFilter: ['title'] })
  })
}

export function paintedCounts(page: Page): Promise<Mark[]> {
  return page.evaluate(() => (window as unknown as { probe: Probe }).probe.painted)
}

/** Waits until the tile says that everything written is counted. */
export async function allPainted(page: Page, writer: LineWriter): Promise<void> {
  await page.waitForFunction(
    count => (window as unknown as { probe: Probe }).probe.painted.at(-1)?.count === count,
    writer.count,
    { timeout: 30_000 },
  )
}

/** MiB in use after a collection. */
export async function heapMiB(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = (await session.send('Runtime.getHeapUsage')) as { usedSize: number }
  return usedSize / 2 ** 20
}

/** So many ticks of 250 ms: each hands the page one delta of every subscription, numbered and timed as the next. */
export function replay(page: Page, ticks: number, rowsPerTick: number): Promise<void> {
  return page.evaluate(
    ({ count, rows }) => (window as unknown as { probe: Probe }).probe.replay(count, 250, rows),
    { count: ticks, rows: rowsPerTick },
  )
}

/**
 * Runs in the page before anything else. Keeps the page's socket at hand with the last delta of every subscription;
 * `replay` then says them again and again as the server would over time, with the page's clocks moved on.
 */
function holdSocket(): void {
  type Message = { type: string; id: number; seq: number; data: Record<string, never> }
  let deliver: ((event: MessageEvent) => void) | null = null
  let isReplaying = false
  let skewMs = 0
  const deltas = new Map<number, Message>()
  const seqs = new Map<number, number>()
  class HeldSocket extends WebSocket {
    override set onmessage(handler: ((event: MessageEvent) => void) | null) {
      deliver = handler
      super.onmessage = event => {
        if (isReplaying) return
        const message = JSON.parse(event.data as string) as Message
        if (message.type === 'delta' || (message.type === 'snap' && !deltas.has(message.id)))
          deltas.set(message.id, message)
        if (message.seq !== undefined) seqs.set(message.id, message.seq)
        handler?.(event)
      }
    }
  }
  window.WebSocket = HeldSocket
  const realNow = performance.now.bind(performance)
  const realWall = Date.now.bind(Date)
  performance.now = () => realNow() + skewMs
  Date.now = () => realWall() + skewMs
  let row = 0
  // biome-ignore lint/suspicious/noExplicitAny: data of every kind, changed where it holds a time.
  const moved = (data: any, rows: number) => {
    const now = Date.now()
    if (data.kind === 'overview')
      return { ...data, overview: { ...data.overview, at: now, linesTotal: ++row } }
    if (data.kind === 'series') {
      const stepMs = data.series.stepSeconds * 1000
      const times = [Math.floor(now / stepMs) * stepMs]
      const values = Object.fromEntries(Object.keys(data.series.values).map(name => [name, [row % 100]]))
      return { ...data, series: { ...data.series, times, values } }
    }
    if (data.kind !== 'tail') return data
    const line = (data.rows.at(-1)?.line ?? 'a line') as string
    const made = Array.from({ length: rows }, () => {
      const offset = String(1_000_000 + row++)
      return { topic: 'logs', partition: 0, offset, at: now, line: `${line} ${row}`, level: 'info' }
    })
    return { kind: 'tail', rows: made }
  }
  const replay = async (ticks: number, stepMs: number, rows: number) => {
    isReplaying = true
    for (let tick = 1; tick <= ticks; tick++) {
      skewMs += stepMs
      for (const [id, { data }] of deltas) {
        const seq = seqs.get(id)! + 1
        seqs.set(id, seq)
        const message = JSON.stringify({ type: 'delta', id, seq, data: moved(data, rows) })
        deliver?.(new MessageEvent('message', { data: message }))
      }
      // Drawn every ten seconds of that hour.
      if (tick % 40 === 0) await new Promise(resolve => requestAnimationFrame(resolve))
    }
  }
  Object.assign(window, { probe: { painted: [], replay } })
}
