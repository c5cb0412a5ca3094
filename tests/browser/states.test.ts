// What every panel of every page is while there is nothing yet, while the server is gone, and when it is back:
// emptiness says what to do, old values stay paler with their age, and nothing is loaded anew.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { Browser, BrowserContext, Page } from 'playwright'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { keepScreenshot, openBrowser, openPage, pillSays } from './browser.ts'

const look = { theme: 'dark', width: 1_280, height: 900 } as const
const group = 'readers'

/**
 * Every page, and what of it has an address of its own; with its panels that are empty where nothing has come yet.
 * Those with a plus say what to type or offer what to press; the others are a part of a page that does.
 */
const views: readonly (readonly [path: string, empty: string])[] = [
  ['/', 'paths+ referrers small-funnel+ tail+ losses+'],
  ['/tail', 'tail+'],
  ['/explore?m=requests&by=path&r=1h', 'explore-top+'],
  ['/users?r=1h', 'users-empty+ pages sources devices funnel+ user-paths goals+ active-hours retention'],
  ['/cluster', ''],
  ['/cluster/topics', ''],
  ['/cluster/topics/logs', ''],
  ['/cluster/groups', ''],
  [`/cluster/groups/${group}`, 'group+'],
  ['/cluster/messages?topic=logs&partition=0', 'messages+'],
  ['/agents?agent=agent001', 'agents+'],
  ['/alerts', 'firing rules+ alert-history'],
  ['/losses', 'losses+'],
  ['/settings', 'accounts+ tokens+'],
]

let browser: Browser
let appliance: Appliance

before(async () => {
  ;[browser, appliance] = await Promise.all([openBrowser(), startAppliance([], {}, { agent: false })])
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
})

interface PanelFacts {
  readonly id: string
  readonly state: string
  readonly text: string
  /** Whether it says what to type, or offers something to press. */
  readonly helps: boolean
  readonly isTile: boolean
}

/** Once nothing is loading any more. */
async function panelsOf(page: Page): Promise<PanelFacts[]> {
  await page.waitForFunction(() => {
    const panels = [...document.querySelectorAll('main :is(.panel, .tile, .explore-total)')]
    return panels.length > 0 && panels.every(one => one.getAttribute('data-state') !== 'loading')
  })
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('main :is(.panel, .tile, .explore-total)')].map(one => ({
      id: one.id || one.className,
      state: one.dataset['state'] ?? '',
      text: one.innerText,
      isTile: one.matches('.tile'),
      helps:
        one.querySelector(':is(.empty, .plot-empty) :is(code, a, button), pre, .all-well, form') !== null,
    })),
  )
}

test('every panel of a fresh appliance says what would be there and how it comes', async () => {
  const { page, errors, context } = await openPage(browser, await appliance.loginLink(), look)
  for (const [path, empty] of views) {
    await page.evaluate(to => window.history.pushState(null, '', to), path)
    const panels = (await panelsOf(page)).filter(({ state }) => state === 'empty')
    assert.equal(panels.map(({ id, helps }) => `${id}${helps ? '+' : ''}`).join(' '), empty, path)
    for (const { id, text } of panels) assert.ok(text.trim().length > 20, `${path} ${id}: ${text}`)
  }
  // The group that is not there is asked for all the same.
  assert.ok(
    errors.every(error => /status of 404/.test(error)),
    errors.join('\n'),
  )
  await context.close()
})

async function fill(): Promise<void> {
  const brokers = [appliance.kafkaAddress]
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50 } })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  const when = `${day}/${month}/${year}:${time} +0000`
  const line = `203.0.113.7 - - [${when}] "GET /shop HTTP/1.1" 200 9 "https://a.example/" "t" 0.010`
  const event = { timestamp: new Date().toISOString(), type: 'page', messageId: 'm1', path: '/shop' }
  const at = Date.now()
  const loss = { at, reason: 'unparsed', source: 'app.log', from: '0', to: '9', lines: 1, detail: 'no line' }
  const file = {
    ...{ path: '/var/log/app.log', topic: 'logs', format: 'combined', sizeBytes: 9, bytesPerSecond: 1 },
    ...{ bytesBehind: 0, behindMs: 0, lastLineAt: at, gone: false, error: null },
  }
  const status = {
    ...{ agentId: 'agent001', host: 'web-1', version: '0.1.0', files: 1, linesPerSecond: 5, linesLeftOut: 0 },
    ...{ bytesBehind: 0, bytesPerSecond: 1, behindMs: 0, errors: [], fileStatuses: [file] },
  }
  const record = (format: string, value: string) => ({ key: 'visitor-1', value, headers: { format } })
  await producer.sendBatch({
    topicMessages: [
      { topic: 'logs', messages: [{ ...record('combined', line), partition: 0 }] },
      {
        topic: 'behavior',
        messages: [record('json', JSON.stringify({ ...event, anonymousId: 'visitor-1' }))],
      },
      { topic: '__tailrace_agents', messages: [{ key: status.agentId, value: JSON.stringify(status) }] },
      { topic: '__tailrace_losses', messages: [{ key: 'loss-1', value: JSON.stringify(loss) }] },
    ],
  })
  await producer.disconnect()
  const token = readFileSync(join(appliance.directory, 'data', 'token'), 'utf8').trim()
  const reset = await fetch(`${appliance.origin}/api/v1/groups/${group}/reset`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'logs', to: 'earliest' }),
  })
  assert.ok(reset.ok, await reset.text())
  await eventually(
    'the request is counted',
    () => appliance.get<StatsAnswer>('/stats/requests?window=1h'),
    ({ rows }) => rows[0]?.values['value'] === 1,
  )
}

test('a lost server leaves every panel with what it had, paler and with its age; then it goes on', async () => {
  await fill()
  const sessions: BrowserContext[] = []
  const pages: Page[] = []
  for (let at = 0; at < views.length; at += 7) {
    const { page, context } = await openPage(browser, await appliance.loginLink(), look)
    pages.push(page)
    sessions.push(context)
    // Opened by the page, they share its process and what it has compiled.
    for (const [path] of views.slice(at + 1, at + 7)) {
      const opened = context.waitForEvent('page')
      await page.evaluate(address => void window.open(address), path)
      pages.push(await opened)
    }
    await page.evaluate(to => window.history.pushState(null, '', to), views[at]![0])
  }
  const before = await Promise.all(
    pages.map(async page => {
      await pillSays(page, 'live')
      await page.evaluate(() => Object.assign(window, { neverReloaded: true }))
      return panelsOf(page)
    }),
  )
  const reconnects = (page: Page) => page.evaluate(() => Number(window.__live['reconnects']))
  const reconnected = await Promise.all(pages.map(reconnects))
  // Held away until all of it has been looked at, however soon the process is back.
  for (const context of sessions) await context.route('**/api/**', route => route.abort())
  const back = appliance.kill('analytics')
  await Promise.all(pages.map((page, at) => staysStale(page, views[at]![0], before[at]!)))
  await keepScreenshot(pages[2]!, 'explore-cut-off-dark')
  await back
  for (const context of sessions) await context.unrouteAll()
  await Promise.all(
    pages.map(async (page, at) => {
      await page.evaluate(() => window.dispatchEvent(new Event('online')))
      await pillSays(page, 'live')
      const states = before[at]!.map(({ id, state }) => `${id} ${state}`).join(', ')
      await page.waitForFunction(statesAre, states).catch((cause: unknown) => {
        throw new Error(`${views[at]![0]} is not as it was: ${states}`, { cause })
      })
      assert.ok((await reconnects(page)) > reconnected[at]!)
      assert.equal(await page.evaluate(() => (window as { neverReloaded?: true }).neverReloaded), true)
    }),
  )
})

/** In the page. What the server itself has to learn anew may take it a moment. */
function statesAre(wanted: string): boolean {
  const panels = [...document.querySelectorAll<HTMLElement>('main :is(.panel, .tile, .explore-total)')]
  return panels.map(one => `${one.id || one.className} ${one.dataset['state']}`).join(', ') === wanted
}

/** Every panel says its age and keeps its values, also after what it polls has failed. */
async function staysStale(page: Page, path: string, before: readonly PanelFacts[]): Promise<void> {
  await page.locator('main [data-state="stale"]').first().waitFor()
  // Whatever is polled is asked for again, in vain.
  await page.evaluate(() => {
    window.dispatchEvent(new Event('offline'))
    window.dispatchEvent(new Event('online'))
  })
  await page.locator('.banner[data-kind="serverDown"]').waitFor()
  const now = await panelsOf(page)
  assert.deepEqual(
    now.map(({ id, state }) => `${id} ${state}`),
    before.map(({ id }) => `${id} stale`),
    path,
  )
  const faults = await page.evaluate(() => {
    const found: string[] = []
    const muted = document.createElement('p')
    muted.className = 'muted'
    document.querySelector('main')!.append(muted)
    const { color: paleColour } = getComputedStyle(muted)
    muted.remove()
    for (const panel of document.querySelectorAll<HTMLElement>('main .panel')) {
      if (!/\d+ s/.test(panel.querySelector('.age')?.textContent ?? '')) found.push(`${panel.id}: no age`)
      for (const cell of panel.querySelectorAll('td, .tile-number, .count, dd'))
        if (getComputedStyle(cell).color !== paleColour)
          found.push(`${panel.id}: ${cell.className} is not pale`)
      for (const plot of panel.querySelectorAll('.plot'))
        if (getComputedStyle(plot).opacity === '1') found.push(`${panel.id}: its plot is not pale`)
    }
    return found
  })
  assert.deepEqual(faults, [], path)
  // Ages grow; digits that are no age stay.
  for (const [at, { id, text, isTile }] of before.entries()) {
    // A tile has no room for both its note and its age.
    if (isTile) continue
    const words = text.split(/\s+/).filter(word => /[a-z/]{4,}/i.test(word))
    const missing = words.filter(word => !now[at]!.text.includes(word))
    assert.ok(missing.length <= words.length / 10, `${path} ${id} lost ${missing.join(' ')}`)
  }
}
