// Eight things people come for, each within its number of clicks from the overview. The test counts the clicks: every
// one goes through `click`, and typing is none. Where the cluster would have to be ill, its word is changed on the way.
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { Browser, Locator, Page } from 'playwright'
import type { Settings } from '../../cli/settings.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { openBrowser, openPage, pillSays } from './browser.ts'

const laggingFile = '/var/log/shop/checkout.log'
const user = 'visitor-7'

let browser: Browser
let appliance: Appliance
let directory: string
let page: Page
let clicks = 0

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-tasks-'))
  const site = join(directory, 'site.log')
  const events = join(directory, 'events.jsonl')
  await appendFile(site, ['/fast', '/slow', '/fast'].map(accessLine).join(''))
  await appendFile(site, 'no access line\n')
  await appendFile(events, Array.from({ length: 12 }, (_, at) => eventLine(`visitor-${at % 8}`, at)).join(''))
  const inputs: Settings['inputs'] = [
    { paths: [site], format: 'combined', topic: 'logs' },
    { paths: [events], format: 'json', topic: 'behavior', keyField: 'anonymousId' },
  ]
  ;[browser, appliance] = await Promise.all([openBrowser(), startAppliance(inputs)])
  await tellOfTrouble()
  const look = { theme: 'dark', width: 1_440, height: 900 } as const
  page = (await openPage(browser, await appliance.loginLink(), look)).page
  await page.waitForFunction(() => window.__live['phase'] === 'open')
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function accessLine(path: string): string {
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  const seconds = path === '/slow' ? '2.500' : '0.010'
  const status = path === '/slow' ? 500 : 200
  const at = `${day}/${month}/${year}:${time} +0000`
  return `203.0.113.7 - - [${at}] "GET ${path} HTTP/1.1" ${status} 9 "-" "t" ${seconds}\n`
}

function eventLine(anonymousId: string, at: number): string {
  const timestamp = new Date().toISOString()
  const event = { timestamp, type: 'page', messageId: `m${at}`, anonymousId, path: `/products/${at}` }
  return `${JSON.stringify(event)}\n`
}

/** An agent that is behind, and lines that were lost: as agents tell of them. */
async function tellOfTrouble(): Promise<void> {
  const file = {
    ...{ path: laggingFile, topic: 'logs', format: 'combined', sizeBytes: 9_000_000, bytesPerSecond: 4_000 },
    ...{ bytesBehind: 5_000_000, behindMs: 95_000, lastLineAt: Date.now(), gone: false, error: null },
  }
  const status = {
    ...{ agentId: 'agent007', host: 'web-7', version: '0.1.0', files: 1, linesPerSecond: 5, linesLeftOut: 0 },
    ...{ bytesBehind: 5_000_000, bytesPerSecond: 4_000, behindMs: 95_000, errors: [], fileStatuses: [file] },
  }
  const brokers = [appliance.kafkaAddress]
  const producer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({
    topic: '__tailrace_agents',
    messages: [{ key: status.agentId, value: JSON.stringify(status) }],
  })
  await producer.disconnect()
}

async function click(target: Locator): Promise<void> {
  clicks += 1
  await target.first().click()
}

const tile = (id: string) => page.locator(`#tile-${id} .tile-link`)

/** Runs from the overview; fails when it took more clicks than it may. */
async function within(allowed: number, task: () => Promise<void>): Promise<void> {
  await page.goto(appliance.origin)
  await pillSays(page, 'live')
  clicks = 0
  await task()
  assert.ok(clicks <= allowed, `${clicks} clicks, ${allowed} allowed`)
}

test('the slowest path of the last hour: 2', () =>
  within(2, async () => {
    await click(tile('latency'))
    const first = page.locator('.top-table tbody tr').first()
    await first.getByText('/slow').waitFor()
    assert.match(page.url(), /r=1h/)
  }))

test('which agent is behind, and in which file: 2', () =>
  within(2, async () => {
    await click(tile('agents'))
    const first = page.locator('#agents tbody tr[data-key="agent007"]')
    await first.getByText(laggingFile).waitFor()
    assert.equal(await page.locator('#agents tbody tr').first().getAttribute('data-key'), 'agent007')
  }))

test('the partition without a full ISR: 2', async () => {
  await page.routeWebSocket(/\/api\/v1\/live/, socket => {
    const server = socket.connectToServer()
    server.onMessage(message => {
      const said = JSON.parse(String(message))
      if (said.data?.kind === 'cluster' && said.data.cluster) {
        const partition = { topic: 'logs', partition: 4, state: 'underReplicated', leader: 1 }
        said.data.cluster.troubled = [{ ...partition, replicas: [1, 2], isr: [1] }]
        said.data.cluster.partitionCounts.underReplicated = 1
      }
      socket.send(JSON.stringify(said))
    })
  })
  await within(2, async () => {
    await click(tile('partitions'))
    const words = await page.locator('#troubled .trouble-list li').innerText()
    assert.match(words, /logs-4/)
    assert.match(words, /missing 2/)
  })
})

test("one user's last events: 3", () =>
  within(3, async () => {
    await click(page.getByRole('link', { name: 'Follow one user' }))
    const row = page.locator('.tail-item', { hasText: user })
    await click(row.locator('button'))
    await click(page.locator('.json-line', { hasText: 'anonymousId' }).locator('.only-value'))
    await page.waitForURL(/q=anonymousId/)
    assert.match(decodeURIComponent(page.url()), /visitor-7/)
  }))

test('errors now and yesterday: 2', () =>
  within(2, async () => {
    await click(tile('errors'))
    await click(page.getByRole('button', { name: 'Compare with the period before' }))
    await page.locator('.top-table th', { hasText: 'change' }).waitFor()
    assert.match(page.url(), /r=24h/)
    assert.match(await page.locator('.explore-total').innerText(), /against/)
  }))

test("today's top pages as a file: 3", () =>
  within(3, async () => {
    await click(tile('requests'))
    await page.locator('.top-table tbody tr').first().waitFor()
    const download = page.waitForEvent('download')
    await click(page.getByRole('link', { name: 'CSV of the table' }))
    const csv = await readFile(await (await download).path(), 'utf8')
    assert.match(csv, /\/fast/)
  }))

test('an agent is added: 2', () =>
  within(2, async () => {
    await click(tile('agents'))
    await click(page.getByRole('button', { name: 'Add agent' }))
    await page.locator('#add-agent-title').waitFor()
  }))

test('what was lost today, and why: 1', () =>
  within(1, async () => {
    await click(tile('lost'))
    await page.locator('.loss-today', { hasText: '1 line lost today' }).waitFor()
    assert.match(await page.locator('.loss-table').innerText(), /not of its format[\s\S]*logs-\d/)
    assert.notEqual(await page.locator('.loss-reason').first().innerText(), '')
  }))
