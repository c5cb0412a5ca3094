// What is around every page, by keyboard alone: skip link, palette, help, the way from page to page; what opens takes
// the focus, Escape closes it and gives the focus back. And the page as a viewer has it: nothing that acts is offered,
// and the server refuses all of it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright'
import { routeRules } from '../../analytics/http/role-table.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, openBrowser, openPage, pillSays } from './browser.ts'

const password = 'quiet-morning-7'
const desktop = { width: 1_280, height: 900 }

let browser: Browser
let appliance: Appliance
let page: Page
let session: BrowserContext
let errors: string[]

before(async () => {
  ;[browser, appliance] = await Promise.all([openBrowser(), startAppliance([], {}, { agent: false })])
  const opened = await openPage(browser, await appliance.loginLink(), { theme: 'light', ...desktop })
  ;({ page, errors, context: session } = opened)
  page.setDefaultTimeout(15_000)
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
})

const focused = () =>
  page.evaluate(() => {
    const { activeElement: element } = document
    return element?.id || element?.getAttribute('title') || element?.className || element?.tagName || ''
  })

async function inBothThemes(): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    assert.deepEqual(await accessibilityBreaches(page, 'dialog[open]'), [], colorScheme)
  }
}

test('the first Tab leads past the bar', async () => {
  await page.keyboard.press('Tab')
  assert.match(await focused(), /skip/)
  assert.ok(await page.locator('.skip').isVisible())
  await page.keyboard.press('Enter')
  assert.equal(await focused(), 'main')
})

test('the palette opens by its button or its key, finds, goes, and gives the focus back', async () => {
  const button = page.getByRole('button', { name: 'Go to or do' })
  await button.focus()
  await page.keyboard.press('Enter')
  const field = page.getByRole('combobox', { name: 'Page, topic, statistic or action' })
  await field.waitFor()
  assert.ok(await field.evaluate(element => element === document.activeElement))
  await inBothThemes()
  await page.keyboard.type('zzzz')
  await page.locator('.palette-none').waitFor()
  await page.keyboard.press('Escape')
  await field.waitFor({ state: 'detached' })
  assert.match(await focused(), /Go to or do/)
  await page.keyboard.press('Control+k')
  await page.keyboard.type('losses')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/losses/)
  assert.equal(await focused(), 'page-title')
})

test('help opens by its key or its button and names every page; Escape gives the focus back', async () => {
  await page.getByRole('button', { name: 'Keys and help' }).focus()
  await page.keyboard.press('?')
  const help = page.locator('dialog.help[open]')
  await help.waitFor()
  assert.match(await help.innerText(), /Go to[\s\S]*Settings/)
  await inBothThemes()
  await page.keyboard.press('Escape')
  await help.waitFor({ state: 'detached' })
  assert.match(await focused(), /Keys and help/)
  for (const [letter, path] of [
    ['a', '/agents'],
    ['s', '/settings'],
  ] as const) {
    await page.keyboard.press('g')
    await page.keyboard.press(letter)
    await page.waitForURL(url => url.pathname === path)
  }
})

test('on a phone the other pages are in a sheet that opens and closes by keyboard', async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  const more = page.getByRole('button', { name: 'More' })
  await more.focus()
  await page.keyboard.press('Enter')
  const sheet = page.locator('dialog.sheet[open]')
  await sheet.waitFor()
  await inBothThemes()
  await page.keyboard.press('Escape')
  await sheet.waitFor({ state: 'detached' })
  assert.ok(await more.evaluate(element => element === document.activeElement))
  await page.setViewportSize(desktop)
  assert.deepEqual(errors, [])
  await session.close()
})

/** What an admin may press, on the pages that a viewer sees. */
const actions =
  /^(new (rule|topic)|add (agent|account|partitions)|make token|elect|delete|remove|reset|change|disable|enable)/i

async function actionsAt(path: string): Promise<string[]> {
  await page.evaluate(to => window.history.pushState(null, '', to), path)
  await page.waitForFunction(() => {
    const panels = [...document.querySelectorAll('main .panel')]
    return panels.length > 0 && panels.every(one => one.getAttribute('data-state') !== 'loading')
  })
  return (await page.locator('main button:enabled').allInnerTexts()).filter(text => actions.test(text.trim()))
}

test('a viewer is offered nothing that acts, and the server refuses all of it', async () => {
  const token = readFileSync(join(appliance.directory, 'data', 'token'), 'utf8').trim()
  const post = (path: string, body: object) =>
    fetch(`${appliance.origin}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const rule = { name: 'Errors', kind: 'threshold', metric: 'errors', op: '>', threshold: 5 }
  const made = await Promise.all([
    post('/accounts', { name: 'vera', role: 'viewer', password }),
    post('/alerts/rules', rule),
  ])
  for (const answer of made) assert.ok(answer.ok, await answer.text())
  const context = await browser.newContext({ viewport: desktop, locale: 'en-US', reducedMotion: 'reduce' })
  page = await context.newPage()
  await page.goto(`${appliance.origin}/alerts`)
  await page.getByLabel('Name').fill('vera')
  await page.getByLabel('Password').fill(password)
  await page.locator('.sign-in-password button').click()
  await pillSays(page, 'live')
  await page.locator('#rules .viewer-note', { hasText: 'signed in as a viewer' }).waitFor()
  const paths = ['/', '/tail', '/explore', '/users', '/cluster', '/cluster/topics', '/cluster/topics/logs']
  for (const path of [...paths, '/cluster/groups', '/agents', '/alerts', '/losses'])
    assert.deepEqual(await actionsAt(path), [], path)
  // Their own password is theirs to change.
  assert.deepEqual(await actionsAt('/settings'), ['Change'])
  await page.locator('#me', { hasText: 'change nothing' }).waitFor()
  assert.equal(await page.locator('#accounts, #tokens, #audit').count(), 0)
  const routes = Object.entries(routeRules).filter(([, { who }]) => who === 'admin')
  assert.ok(routes.length > 15)
  const answers = await page.evaluate(
    asked =>
      Promise.all(
        asked.map(async route => {
          const [method, path] = route.split(' ') as [string, string]
          const body = method === 'GET' ? {} : { body: '{}', headers: { 'content-type': 'application/json' } }
          const response = await fetch(path.replaceAll(/:\w+/g, 'logs'), { method, ...body })
          return `${response.status} ${route}`
        }),
      ),
    routes.map(([route]) => route),
  )
  assert.deepEqual(
    answers.filter(answer => !answer.startsWith('403 ')),
    [],
  )
  await context.close()
})
