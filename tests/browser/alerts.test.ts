// Alerts and losses in a real browser: a rule is made and previewed, fires on real traffic and stands in the history;
// the ledger is good news while it is empty, and says what was lost and what to do when it is not.
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, openBrowser, openPage } from './browser.ts'

const desktop = { width: 1_440, height: 900 }

let browser: Browser
let appliance: Appliance
let directory: string
let site: string

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-alerts-'))
  site = join(directory, 'site.log')
  await appendFile(site, accessLine('/first', 200))
  ;[browser, appliance] = await Promise.all([
    openBrowser(),
    startAppliance([{ paths: [site], format: 'combined' }]),
  ])
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function accessLine(path: string, status: number): string {
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  return `203.0.113.7 - - [${day}/${month}/${year}:${time} +0000] "GET ${path} HTTP/1.1" ${status} 5 "-" "ua" 0.012\n`
}

test('an empty ledger is good news; a line that is none stands in it with what it means', async () => {
  const { page, errors, context } = await openPage(browser, await appliance.loginLink(), {
    ...{ theme: 'light', ...desktop },
  })
  await page.goto(`${appliance.origin}/losses`)
  await page.locator('#losses[data-state="empty"]', { hasText: 'Nothing lost' }).waitFor()
  await appendFile(site, 'no access line <b>at all</b>\n')
  await page.locator('#losses[data-state="live"]').waitFor()
  await page.locator('.loss-today', { hasText: '1 line lost today' }).waitFor()
  await page.locator('.loss-table summary').first().click()
  assert.match(await page.locator('.loss-table details').first().innerText(), /What to do:/)
  await page.locator('.loss-reason').first().click()
  await page.waitForURL(/reason=unparsed/)
  assert.match((await page.locator('.csv').getAttribute('href')) ?? '', /reason=unparsed.*format=csv/)
  assert.deepEqual(await accessibilityBreaches(page), [])
  assert.deepEqual(errors, [])
  await context.close()
})

test('a rule is made with its preview, fires on real traffic, and is history when it is disabled', async () => {
  const { page, errors, context } = await openPage(browser, await appliance.loginLink(), {
    ...{ theme: 'dark', ...desktop },
  })
  await page.goto(`${appliance.origin}/alerts`)
  await page.locator('#rules[data-state="empty"]', { hasText: 'No rules yet' }).waitFor()
  await page.locator('.new-rule').click()
  await page.locator('input[name="name"]').fill('Errors <b>')
  await page.locator('input[name="metric"]').fill('eror')
  await page.locator('input[name="threshold"]').fill('2')
  await page.locator('.preview[data-state="refused"]').waitFor()
  await page.locator('input[name="metric"]').fill('errors')
  await page.locator('.preview[data-state="known"]').waitFor()
  assert.match(await page.locator('.preview figcaption').innerText(), /would not have fired/)
  assert.deepEqual(await accessibilityBreaches(page), [])
  await page.locator('.rule-dialog .primary').click()
  const row = page.locator('.rule-list li', { hasText: 'Errors <b>' })
  await row.waitFor()
  // Judged without waiting for late lines: a minute is long for a test.
  const id = await page.evaluate(async () => {
    const { rules } = (await (await fetch('/api/v1/alerts/rules')).json()) as {
      rules: { id: string; rule: object }[]
    }
    const { id, rule } = rules[0]!
    await fetch(`/api/v1/alerts/rules/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...rule, settle: '0s' }),
    })
    return id
  })
  assert.match(id, /^[0-9a-f]+$/)
  await appendFile(site, Array.from({ length: 5 }, () => accessLine('/broken', 500)).join(''))
  const firing = page.locator('.firing-list li[data-phase="firing"]')
  await firing.waitFor({ timeout: 20_000 })
  assert.match(await firing.innerText(), /Errors <b>[\s\S]*5 > 2[\s\S]*Explore/)
  await page.locator('#alert-history td', { hasText: 'still firing' }).waitFor()
  await row.locator('.button', { hasText: 'Disable' }).click()
  await page.locator('#alert-history td', { hasText: 'until the rule was disabled' }).waitFor()
  await page.locator('#firing[data-state="empty"]').waitFor()
  // The browser itself reports the statistic that was refused.
  assert.deepEqual(
    errors.filter(error => !/400 \(Bad Request\)/.test(error)),
    [],
  )
  await context.close()
})
