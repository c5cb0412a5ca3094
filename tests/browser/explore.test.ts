// Explore in a real browser, on lines with known numbers: what it shows is what the API answers and what was written;
// a press on a value filters, a refusal offers a way, and everything is in the URL.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, keepScreenshot, openBrowser, openPage } from './browser.ts'

/** Requests by path, all within the last minutes; every tenth fails. */
const written = { '/alpha': 120, '/beta': 60, '/gamma': 20 } as const
const total = 200

let browser: Browser
let appliance: Appliance
let directory: string
let page: Page
let session: BrowserContext
let errors: string[]

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-explore-'))
  const site = join(directory, 'site.log')
  await writeFile(site, lines())
  ;[browser, appliance] = await Promise.all([
    openBrowser(),
    startAppliance([{ paths: [site], format: 'combined' }]),
  ])
  await eventually(
    'every line is counted',
    () => appliance.get<StatsAnswer>('/stats/requests?window=1h'),
    answer => answer.rows[0]?.values['value'] === total,
  )
  const opened = await openPage(browser, await appliance.loginLink(), {
    theme: 'dark',
    width: 1_440,
    height: 1_000,
  })
  ;({ page, errors, context: session } = opened)
})

after(async () => {
  await session?.close()
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function lines(): string {
  let text = ''
  let at = Date.now() - 240_000
  for (const [path, count] of Object.entries(written)) {
    for (let index = 0; index < count; index++) {
      at += 1_000
      const [, day, month, year, time] = new Date(at).toUTCString().split(/[ ,]+/)
      const status = index % 10 === 9 ? 500 : 200
      const request = `[${day}/${month}/${year}:${time} +0000] "GET ${path} HTTP/1.1" ${status}`
      text += `203.0.113.7 - - ${request} 512 "-" "test" 0.0${index % 10}0\n`
    }
  }
  return text
}

async function open(address: string): Promise<void> {
  await page.goto(`${appliance.origin}${address}`)
  await page.locator('#explore-top[data-state="live"], #explore-chart[data-state="refused"]').waitFor()
}

/** The rows of the table: value and exact number. */
const rows = () =>
  page.$$eval('.top-table tbody tr', found =>
    found.map(row => [
      row.querySelector('th')?.textContent,
      Number(row.querySelector('td')?.getAttribute('title')),
    ]),
  )

test('the table and the total hold what was written, as the API answers it', async () => {
  await open('/explore?r=1h&by=path')
  const answer = await appliance.get<StatsAnswer>('/stats/requests?window=1h&by=path')
  const asked = answer.rows.map(row => [row.labels['path'], row.values['value']])
  assert.deepEqual(await rows(), Object.entries(written))
  assert.deepEqual(asked, Object.entries(written))
  assert.equal(await page.locator('.explore-total .tile-number').innerText(), String(total))
  await page.locator('#explore-chart .plot[data-points="some"] canvas').waitFor()
  const drawn = await page.locator('#explore-chart .legend-entry').count()
  assert.equal(drawn, 3)
  await keepScreenshot(page, 'explore-dark')
  assert.deepEqual(await accessibilityBreaches(page), [])
})

test('a press on a value filters by it, in the URL, and the back key takes it away', async () => {
  await open('/explore?r=1h&by=path')
  await page.getByRole('button', { name: '/beta' }).click()
  await page.locator('.chip', { hasText: '/beta' }).waitFor()
  await page.waitForFunction(
    () => document.querySelector('.explore-total .tile-number')?.textContent === '60',
  )
  assert.equal(new URL(page.url()).searchParams.get('f'), 'path:/beta')
  await page.goBack()
  await page.locator('.chip').waitFor({ state: 'detached' })
  assert.equal(await page.locator('.explore-total .tile-number').innerText(), String(total))
})

test('a refusal is told in the server’s words, and its button leads to an answer', async () => {
  const seen = errors.length
  await open('/explore?r=1h&by=path&f=status:500')
  await page.locator('.refusal', { hasText: 'not kept by path and status together' }).waitFor()
  await page.getByRole('button', { name: 'By path, without the filter' }).click()
  await page.locator('#explore-top[data-state="live"]').waitFor()
  assert.deepEqual(await rows(), Object.entries(written))
  errors.splice(seen, errors.length, ...errors.slice(seen).filter(error => !error.includes('400')))
})

test('statistics are found by words; quantiles are bands; the chart is a table too; CSV holds the same', async () => {
  await open('/explore?r=1h&by=path')
  await page.getByLabel('Search statistics').fill('request time quantiles')
  await page.keyboard.press('Enter')
  await page.locator('#explore-chart .legend-entry', { hasText: 'p99' }).waitFor()
  const { rows: one } = await appliance.get<StatsAnswer>('/stats/latency?window=1h')
  const title = await page.locator('.explore-total .tile-value').getAttribute('title')
  assert.ok(Math.abs(Number(title?.replaceAll(',', '')) - one[0]!.values['p95']!) < 1e-6, title ?? '')
  await page.getByTitle('Show as table').click()
  assert.equal(new URL(page.url()).searchParams.get('view'), 'table')
  await page.getByRole('columnheader', { name: 'p95' }).first().waitFor()
  await open('/explore?r=1h&by=path')
  const href = await page.getByRole('link', { name: 'CSV of the table' }).getAttribute('href')
  const csv = await page.evaluate(async path => (await fetch(path!)).text(), href)
  assert.match(csv, /^path,value,per_second\r?\n\/alpha,120,/)
  const curl = await page.getByRole('button', { name: 'Copy table as curl' }).getAttribute('title')
  assert.match(
    curl ?? '',
    /^curl -H "Authorization: Bearer \$TOKEN" 'http:.*\/stats\/requests\?window=1h&by=path/,
  )
})

test('[ and ] step through time, and a drag picks a stretch', async () => {
  await open('/explore?r=1h&by=path')
  await page.keyboard.press('[')
  await page.locator('.range-button[data-range="between"]').waitFor()
  const stepped = new URL(page.url()).searchParams
  assert.equal(Date.parse(stepped.get('to')!) - Date.parse(stepped.get('from')!), 3_600_000)
  await page.keyboard.press(']')
  await page.locator('.range-button[data-range="1h"]').waitFor()
  const box = (await page.locator('#explore-chart .plot[data-points="some"] .u-over').boundingBox())!
  await page.mouse.move(box.x + box.width * 0.5, box.y + 50)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 4 })
  await page.mouse.up()
  await page.locator('.range-button[data-range="between"]').waitFor()
  const dragged = new URL(page.url()).searchParams
  const width = Date.parse(dragged.get('to')!) - Date.parse(dragged.get('from')!)
  assert.ok(width > 10 * 60_000 && width < 20 * 60_000, `${width} ms`)
  assert.deepEqual(errors, [])
})

test('a phone in the light shows it without scrolling sideways', async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  await page.emulateMedia({ colorScheme: 'light' })
  await open('/explore?r=1h&by=path&c=previous')
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  assert.ok(overflow <= 0, `scrolls sideways by ${overflow} px`)
  assert.deepEqual(await accessibilityBreaches(page), [])
  await keepScreenshot(page, 'explore-phone-light')
})
