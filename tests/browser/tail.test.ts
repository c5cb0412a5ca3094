// The tail's page in a real browser, against the real appliance: a pattern filters, terms are marked, a record opens
// without a digit lost and is found again by its link, a gap is loaded, 500 lines a second cost no frame, and a cut
// connection goes on where it was.
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, openBrowser, openPage, pillSays, type WatchedPage } from './browser.ts'

const desktop = { width: 1_440, height: 900 }

let browser: Browser
let appliance: Appliance
let directory: string
let file: string
/** Of the test of frames, and then of the one about a cut connection. */
let opened: WatchedPage

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-tail-'))
  file = join(directory, 'app.log')
  await appendFile(file, line(0))
  ;[browser, appliance] = await Promise.all([
    openBrowser(),
    startAppliance([{ paths: [file], format: 'raw', topic: 'logs' }]),
  ])
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function line(number: number): string {
  const level = number % 10 === 3 ? 'error' : 'info'
  return `{"n":${number},"level":"${level}","id":9223372036854775807,"text":"<b>\\u202e"}\n`
}

const linesFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => line(first + index)).join('')

const visit = (page: Page, address: string) => page.goto(`${appliance.origin}${address}`)

const linesSeen = (page: Page, atLeast: number) =>
  page.waitForFunction(count => Number(window.__live['linesSeen']) >= count, atLeast)

test('a pattern filters, terms are marked, a record opens exactly and is found again by its link', async () => {
  const { page, errors, context } = await openPage(browser, await appliance.loginLink(), {
    ...{ theme: 'dark', ...desktop },
  })
  await visit(page, '/tail?hl=level&hl=info')
  await page.locator('.tail-row').first().waitFor()
  await appendFile(file, linesFrom(1, 20))
  await page.locator('.tail-row', { hasText: '"n":20,' }).waitFor()
  assert.equal(await page.locator('.tail-row mark[data-term="1"]').first().innerText(), 'level')
  assert.equal(await page.locator('.tail-row mark[data-term="2"]').first().innerText(), 'info')

  await page.locator('#tail-filter').fill('/"n":1[0-4],/')
  await page.waitForURL(/q=/)
  await page.locator('#tail[data-state="empty"]').waitFor()
  await appendFile(file, linesFrom(1, 20))
  await page.waitForFunction(() => {
    const rows = [...document.querySelectorAll('.tail-row')].map(row => row.textContent)
    return rows.length === 5 && rows.every(text => /"n":1[0-4],/.test(text ?? ''))
  })
  await page.locator('#tail-filter').fill('/(a/')
  await page.locator('#tail[data-state="refused"]').waitFor()
  await page.locator('#tail-filter').fill('level:error')
  await page.locator('#tail[data-state="empty"]').waitFor()
  await appendFile(file, linesFrom(1, 20))
  await page.waitForFunction(() => {
    const rows = [...document.querySelectorAll('.tail-row')]
    return rows.length === 2 && rows.every(row => row.getAttribute('data-level') === 'error')
  })

  await page.keyboard.press('Escape')
  await page.locator('.tail-row', { hasText: '"n":13,' }).locator('.row-toggle').click()
  await page.locator('.line-detail[data-record="loaded"]').waitFor()
  const json = await page.locator('.json').innerText()
  assert.match(json, /"id": 9223372036854775807,/)
  assert.match(json, /"text": "<b>\\u202e"/)
  assert.equal(await page.locator('.json b').count(), 0)
  assert.deepEqual(await accessibilityBreaches(page), [])

  await page.locator('.line-actions .button', { hasText: 'Around this line' }).click()
  await page.waitForURL(/record=/)
  await page.reload()
  const chosen = page.locator('.tail-row[data-selected="true"]')
  await chosen.waitFor()
  assert.match(await chosen.innerText(), /"n":13,/)
  await page.locator('.line-detail[data-record="loaded"]').waitFor()
  assert.match(await page.locator('.json').innerText(), /9223372036854775807/)
  await page.locator('.past-note .button').click()
  await page.locator('#tail-title', { hasText: 'Live tail' }).waitFor()
  assert.deepEqual(errors, [])
  await context.close()
})

test('what came too fast is loaded where it is missing', async () => {
  const { page, errors, context } = await openPage(browser, await appliance.loginLink(), {
    ...{ theme: 'light', ...desktop },
  })
  await visit(page, '/tail')
  await page.locator('.tail-row').first().waitFor()
  await page.locator('.tail-scroll').focus()
  await page.keyboard.press('k')
  await page.locator('.follow').waitFor()
  await appendFile(file, linesFrom(1_000, 3_000))
  await page.waitForFunction(() => Number(window.__live['dropped']) > 0)
  await page.locator('.tail-row').last().waitFor()
  await page.keyboard.press('f')
  await page.locator('.tail-row', { hasText: '"n":3999,' }).waitFor()
  await page.keyboard.press('k')
  await page.locator('.tail-scroll').evaluate(element => {
    element.scrollTop = 0
  })
  // Where it lies depends on what came in time: only rows in view are elements, so it is looked for view by view.
  await page.waitForFunction(() => {
    if (document.querySelector('.tail-gap')) return true
    const scroll = document.querySelector('.tail-scroll')!
    scroll.scrollTop += scroll.clientHeight
    return false
  })
  const gap = page.locator('.tail-gap').first()
  const gaps = () => page.evaluate(() => Number(window.__live['tailRows']))
  const before = await gaps()
  await gap.locator('.gap-load').click()
  await page.waitForFunction(rows => Number(window.__live['tailRows']) > rows, before)
  await page.locator('.load-more button').first().click()
  await page.locator('.load-more', { hasText: 'where the log begins' }).waitFor()
  assert.deepEqual(errors, [])
  await context.close()
})

test('500 lines a second are shown without a frame lost to them', async context => {
  opened = await openPage(browser, await appliance.loginLink(), { theme: 'dark', ...desktop })
  const { page, errors } = opened
  await visit(page, '/tail')
  await page.locator('.tail-row').first().waitFor()
  await page.evaluate(() => {
    const frames = { gaps: [] as number[], last: performance.now() }
    const next = (now: number) => {
      frames.gaps.push(now - frames.last)
      frames.last = now
      requestAnimationFrame(next)
    }
    requestAnimationFrame(next)
    Object.assign(window, { frames })
  })
  const seen = await page.evaluate(() => Number(window.__live['linesSeen']))
  for (let batch = 0; batch < 20; batch++) {
    await appendFile(file, linesFrom(10_000 + batch * 100, 100))
    await linesSeen(page, seen + Math.max(0, batch - 2) * 80)
  }
  await page.locator('.tail-row', { hasText: '"n":11999,' }).waitFor()
  const { gaps, flushMsMax } = await page.evaluate(() => ({
    gaps: (window as unknown as { frames: { gaps: number[] } }).frames.gaps,
    flushMsMax: Number(window.__live['flushMsMax']),
  }))
  const slow = gaps.filter(ms => ms > 100).length
  context.diagnostic(
    `figure frames: ${gaps.length}, over 100 ms ${slow}, longest flush ${flushMsMax.toFixed(1)} ms`,
  )
  // Timers of a shared machine are not the page's: a share of frames, not a time, is what is held.
  assert.ok(gaps.length > 20 && slow <= gaps.length / 3, `${slow} of ${gaps.length} frames were late`)
  assert.ok((await page.locator('.tail-item').count()) < 150, 'only the rows on screen are elements')
  assert.deepEqual(errors, [])
})

interface LiveMessage {
  readonly type: string
  readonly id: number
  readonly topic?: string
  readonly seq?: number
  readonly from?: { readonly epoch: string; readonly seq: number }
}

test('a connection that is cut goes on by its sequence number, without a hole or a snapshot', async () => {
  const { page } = opened
  let isAway = false
  let connection: { readonly asked: LiveMessage[]; readonly told: LiveMessage[]; cut(): Promise<void> }
  await page.routeWebSocket(/\/api\/v1\/live/, async socket => {
    if (isAway) return socket.close({ code: 1001 })
    const server = socket.connectToServer()
    const asked: LiveMessage[] = []
    const told: LiveMessage[] = []
    socket.onMessage(message => {
      asked.push(JSON.parse(String(message)) as LiveMessage)
      server.send(message)
    })
    server.onMessage(message => {
      told.push(JSON.parse(String(message)) as LiveMessage)
      socket.send(message)
    })
    const cut = async () => void (await Promise.all([server.close(), socket.close({ code: 1001 })]))
    connection = { asked, told, cut }
  })
  await visit(page, '/tail')
  await appendFile(file, linesFrom(20_000, 5))
  await page.locator('.tail-row', { hasText: '"n":20004,' }).waitFor()
  const live = () =>
    page.evaluate(() => {
      const { epoch, reconnects, resubscribes, dropped } = window.__live
      return { epoch, reconnects: Number(reconnects), resubscribes, dropped }
    })
  const linesNow = async () =>
    (await appliance.get<StatsAnswer>('/stats/lines?window=1h')).rows[0]?.values['value'] ?? 0
  const before = await live()
  const counted = await linesNow()
  isAway = true
  await connection!.cut()
  await pillSays(page, 'reconnecting')
  await appendFile(file, linesFrom(20_005, 20))
  await eventually('what came meanwhile is counted', linesNow, lines => lines >= counted + 20)
  isAway = false
  await page.evaluate(() => window.dispatchEvent(new Event('online')))
  await page.locator('.tail-row', { hasText: '"n":20024,' }).waitFor()
  assert.deepEqual(await live(), { ...before, reconnects: before.reconnects + 1 })
  const shown = (await page.locator('.tail-row').allInnerTexts()).flatMap(text =>
    [...text.matchAll(/"n":(2\d{4}),/g)].map(([, number]) => Number(number)),
  )
  assert.deepEqual(
    shown.slice(-25),
    Array.from({ length: 25 }, (_, at) => 20_000 + at),
  )
  const { asked, told } = connection!
  const { id, from } = asked.find(({ topic }) => topic === 'tail')!
  assert.equal(from?.epoch, before.epoch)
  const [first] = told.filter(message => message.id === id)
  assert.deepEqual([first?.type, first?.seq], ['delta', from!.seq + 1])
})
