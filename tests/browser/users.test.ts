// The page of users in a real browser, on events of known visitors: visits, pages, the funnel and its editor show what
// the API answers and what was written.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright'
import type { VisitsAnswer } from '../../analytics/http/contract-visits.ts'
import type { Settings } from '../../cli/settings.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, keepScreenshot, openBrowser, openPage } from './browser.ts'

/** What each visitor looks at, one page every two seconds. */
const visitors: readonly (readonly string[])[] = [
  ...Array.from({ length: 10 }, () => ['/']),
  ...Array.from({ length: 6 }, () => ['/', '/products/1']),
  ...Array.from({ length: 4 }, () => ['/', '/products/2', '/cart']),
]

let browser: Browser
let appliance: Appliance
let directory: string
let page: Page
let session: BrowserContext
let errors: string[]

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-users-'))
  const events = join(directory, 'behavior.jsonl')
  await writeFile(events, eventLines())
  const inputs: Settings['inputs'] = [
    { paths: [events], format: 'json', topic: 'behavior', keyField: 'anonymousId' },
  ]
  const goals = [{ name: 'cart', page: '/cart' }]
  ;[browser, appliance] = await Promise.all([openBrowser(), startAppliance(inputs, { goals })])
  await eventually(
    'every visit is counted',
    () => appliance.get<VisitsAnswer>('/visits?window=1h'),
    answer => answer.pageviews === visitors.flat().length,
  )
  const opened = await openPage(browser, await appliance.loginLink(), {
    theme: 'light',
    width: 1_440,
    height: 1_000,
  })
  ;({ page, errors, context: session } = opened)
  await page.goto(`${appliance.origin}/users?r=1h`)
  await page.locator('#users-visits[data-state="live"]').waitFor()
})

after(async () => {
  await session?.close()
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function eventLines(): string {
  const begin = Date.now() - 120_000
  return visitors
    .flatMap((paths, visitor) =>
      paths.map((path, at) =>
        JSON.stringify({
          timestamp: new Date(begin + visitor * 1_000 + at * 2_000).toISOString(),
          type: 'page',
          messageId: `m-${visitor}-${at}`,
          anonymousId: `visitor-${visitor}`,
          path,
          properties: {},
        }),
      ),
    )
    .map(line => `${line}\n`)
    .join('')
}

const figure = (id: string) => page.locator(`#users-${id} .tile-value`).innerText()

test('the numbers of visits are those of the API, by the definition one chooses', async () => {
  const answer = await appliance.get<VisitsAnswer>('/visits?window=1h')
  assert.deepEqual([answer.visitors, answer.visits, answer.pageviews], [20, 20, 34])
  assert.match(await figure('visitors'), /^20/)
  assert.match(await figure('visits'), /^20/)
  assert.match(await figure('pageviews'), /^34/)
  assert.match(await figure('views-per-visit'), /^1\.70/)
  assert.equal(answer.bounceRate.umami.rate, 0.5)
  await page.locator('#users-bounce-rate select').selectOption('umami')
  await page.waitForFunction(() => window.location.search.includes('bounce=umami'))
  assert.match(await figure('bounce-rate'), /^50\.0\s*%/)
})

test('pages, paths and goals hold what was written, and a page leads to what follows it', async () => {
  await page.locator('#pages tbody tr').first().waitFor()
  assert.match(await page.locator('#pages tbody tr').first().innerText(), /^\/\s+20\s+100%/)
  await page.locator('#pages .segment', { hasText: 'Exit' }).click()
  await page.waitForFunction(
    () =>
      document.querySelectorAll('#pages tbody tr').length === 3 + 1 ||
      document.querySelector('#pages tbody tr td')?.textContent === '10',
  )
  assert.match(await page.locator('#goals [data-goal="cart"]').innerText(), /cart\s+4\s+4\s+20\.0%/)
  await page.locator('#user-paths').getByRole('button', { name: '/products/2' }).first().click()
  await page.locator('.paths-from', { hasText: '/products/2' }).waitFor()
  await page.waitForFunction(() => document.querySelectorAll('#user-paths tbody tr').length === 1)
  assert.match(await page.locator('#user-paths tbody tr').innerText(), /\/cart\s+4/)
})

test('a funnel is edited, asked for, kept in the URL, and put in another order', async () => {
  await page.getByLabel('Step 2', { exact: true }).fill('/products/*')
  await page.getByRole('button', { name: 'Add a step' }).click()
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await page.getByRole('alert').filter({ hasText: 'Step 3 needs a page' }).waitFor()
  await page.getByLabel('Step 3', { exact: true }).fill('/cart')
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await page.locator('.funnel-steps tbody tr').nth(2).waitFor()
  const came = () =>
    page.$$eval('.funnel-steps tbody tr', rows => rows.map(row => Number(row.getAttribute('data-visitors'))))
  assert.deepEqual(await came(), [20, 10, 4])
  assert.deepEqual(new URL(page.url()).searchParams.getAll('step'), [
    'page:/',
    'page:/products/*',
    'page:/cart',
  ])
  assert.match(await page.locator('.funnel-steps tbody tr').nth(1).innerText(), /50\.0%\s+50\.0%\s+2\.00 s/)
  await keepScreenshot(page, 'users-light')
  await page.getByRole('button', { name: 'Move step 3 up' }).click()
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await page.waitForFunction(
    () => document.querySelectorAll('.funnel-steps tbody tr')[1]?.getAttribute('data-visitors') === '4',
  )
  assert.deepEqual(await came(), [20, 4, 0])
})

test('retention and active hours are tables one walks through, and axe finds nothing', async () => {
  await page.locator('#retention .cell').first().waitFor()
  const hours = page.locator('#active-hours .cell')
  await hours.first().waitFor()
  assert.equal(await hours.count(), 7 * 24)
  await hours.first().focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowRight')
  const title = await page.evaluate(() => document.activeElement?.getAttribute('title'))
  assert.match(title ?? '', /^Tuesday 01:00: 0 visits/)
  assert.deepEqual(await accessibilityBreaches(page), [])
  await page.setViewportSize({ width: 390, height: 844 })
  await page.emulateMedia({ colorScheme: 'dark' })
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  assert.ok(overflow <= 0, `scrolls sideways by ${overflow} px`)
  assert.deepEqual(await accessibilityBreaches(page), [])
  await keepScreenshot(page, 'users-phone-dark')
  assert.deepEqual(errors, [])
})
