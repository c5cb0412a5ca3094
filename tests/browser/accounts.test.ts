// Accounts in a real browser: a wrong password and a right one, what a viewer does not see, a token that is shown once,
// signing out everywhere.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import {
  accessibilityBreaches,
  keepScreenshot,
  openBrowser,
  openPage,
  pillSays,
  type Theme,
} from './browser.ts'

const desktop = { width: 1_280, height: 1_000 }
const phone = { width: 390, height: 844 }
const password = 'quiet-morning-7'

let browser: Browser
let appliance: Appliance

before(async () => {
  ;[browser, appliance] = await Promise.all([openBrowser(), startAppliance([], {}, { agent: false })])
  await api('POST', '/accounts', { name: 'vera', role: 'viewer', password })
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
})

async function api(method: string, path: string, body: object): Promise<Response> {
  const token = readFileSync(join(appliance.directory, 'data', 'token'), 'utf8').trim()
  const response = await fetch(`${appliance.origin}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.ok(response.ok, `${path}: ${response.status}`)
  return response
}

async function signIn(page: Page, secret: string): Promise<void> {
  await page.getByLabel('Name').fill('vera')
  await page.getByLabel('Password').fill(secret)
  await page.locator('.sign-in-password button').click()
}

async function open(theme: Theme, size: typeof desktop, path: string) {
  const context = await browser.newContext({
    viewport: size,
    colorScheme: theme,
    locale: 'en-US',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  await page.goto(`${appliance.origin}${path}`)
  return { page, context }
}

test('a wrong password says so and a right one opens the page; a viewer sees what is theirs', async () => {
  const { page, context } = await open('light', desktop, '/settings')
  await signIn(page, 'not-the-password')
  await page.locator('#password-trouble', { hasText: 'not its password' }).waitFor()
  assert.equal(await page.getByLabel('Name').inputValue(), 'vera', 'what was typed stays')
  await keepScreenshot(page, 'sign-in-light')
  assert.deepEqual(await accessibilityBreaches(page), [])
  await signIn(page, password)
  await pillSays(page, 'live')
  await page.locator('#me[data-state="live"] .role[data-role="viewer"]').waitFor()
  assert.equal(await page.locator('#accounts, #tokens, #audit').count(), 0)
  const asked = await page.evaluate(async () => {
    const ask = async (path: string, method = 'GET') => {
      const response = await fetch(`/api/v1${path}`, { method })
      return `${response.status} ${((await response.json()) as { detail?: string }).detail ?? ''}`
    }
    return [await ask('/audit'), await ask('/login-links', 'POST'), await ask('/losses')]
  })
  assert.match(asked[0]!, /^403 This takes the role admin; vera has the role viewer/)
  assert.match(asked[1]!, /^403 This takes the role admin/)
  assert.match(asked[2]!, /^200 /)
  assert.deepEqual(await accessibilityBreaches(page), [])
  await keepScreenshot(page, 'settings-viewer-light')

  const other = await open('dark', phone, '/settings')
  await signIn(other.page, password)
  await pillSays(other.page, 'live')
  await other.page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await other.page.locator('.sign-in').waitFor()
  await keepScreenshot(other.page, 'sign-in-phone-dark')
  // The socket of the first is closed by the server: it need not be reloaded to know.
  await page.locator('.sign-in').waitFor()
  await other.context.close()
  await context.close()
})

test('an admin makes an account and a token, which is shown once; what was done is listed', async () => {
  const { page, errors, context } = await openPage(browser, await appliance.loginLink(), {
    theme: 'dark',
    ...desktop,
  })
  await page.goto(`${appliance.origin}/settings`)
  await page.locator('#accounts[data-state="live"]').waitFor()
  const accounts = page.locator('#accounts form')
  await accounts.getByLabel('Name').fill('olaf')
  await accounts.getByLabel('Role').selectOption('admin')
  await accounts.getByLabel('Password').fill(password)
  await accounts.getByRole('button', { name: 'Add account' }).click()
  await page.locator('#accounts tbody tr', { hasText: 'olaf' }).getByLabel('Role of olaf').waitFor()
  await page.locator('#tokens[data-state="empty"]').waitFor()
  await page.locator('#tokens form').getByLabel('Name').fill('<b>Grafana</b>')
  await page.getByRole('button', { name: 'Make token' }).click()
  const token = await page.locator('.made-token code').innerText()
  assert.match(token, /^tailrace_[\w-]{32}$/)
  const known = await fetch(`${appliance.origin}/api/v1/me`, {
    headers: { authorization: `Bearer ${token}` },
  })
  assert.deepEqual(((await known.json()) as { role: string }).role, 'viewer')
  await page.locator('#tokens tbody tr', { hasText: '<b>Grafana</b>' }).waitFor()
  await page.locator('#audit tbody tr', { hasText: 'POST /api/v1/tokens' }).waitFor({ timeout: 15_000 })
  assert.deepEqual(await accessibilityBreaches(page), [])
  await keepScreenshot(page, 'settings-dark')
  await page.locator('#look').getByText('Light', { exact: true }).click()
  await page.locator('#look').getByText('Comfortable', { exact: true }).click()
  assert.deepEqual(
    await page.evaluate(() => [
      document.documentElement.dataset['theme'],
      document.documentElement.dataset['density'],
    ]),
    ['light', 'comfortable'],
  )
  assert.deepEqual(await accessibilityBreaches(page), [])
  await page.setViewportSize(phone)
  await keepScreenshot(page, 'settings-phone-light')
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  assert.ok(overflow <= 0, `the page is ${overflow} px too wide`)
  await page.reload()
  await page.locator('#tokens tbody tr', { hasText: '<b>Grafana</b>' }).waitFor()
  assert.equal(await page.locator('.made-token').count(), 0)
  assert.ok(!(await page.content()).includes(token))
  const row = page.locator('#tokens tbody tr', { hasText: '<b>Grafana</b>' })
  await row.getByRole('button').click()
  await row.getByRole('button', { name: 'Remove now' }).click()
  await page.locator('#tokens[data-state="empty"]').waitFor()
  assert.deepEqual(errors, [])
  await context.close()
})
