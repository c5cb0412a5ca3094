// The overview page in a real browser, against the real appliance: a line becomes a number and a row, the page
// survives its server and its broker, hostile lines stay text, and everybody can use it.
import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright'
import { demoInputs, demoProcess } from '../../cli/processes.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import {
  accessibilityBreaches,
  keepScreenshot,
  openBrowser,
  openPage,
  pillSays,
  type Theme,
} from './browser.ts'

const desktop = { width: 1_440, height: 900 }
const phone = { width: 390, height: 844 }
const lineToPixelMs = 2_000

let browser: Browser
let appliance: Appliance
/** With traffic of every kind, which gathers while the other tests run. */
let busy: Appliance
let directory: string
let site: string
/** Of the quiet appliance, open from the first test to the last that watches it. */
let page: Page
let errors: string[]

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-page-'))
  await mkdir(join(directory, 'traffic'))
  site = join(directory, 'site.log')
  await appendFile(site, accessLine('/first'))
  ;[browser, appliance, busy] = await Promise.all([
    openBrowser(),
    startAppliance([{ paths: [site], format: 'combined' }]),
    startAppliance(demoInputs(join(directory, 'traffic'))),
  ])
  await busy.supervisor.start(demoProcess(join(directory, 'traffic')))
  const look = { theme: 'dark', ...desktop } as const
  ;({ page, errors } = await openPage(browser, await appliance.loginLink(), look))
})

after(async () => {
  await browser?.close()
  await Promise.all([appliance?.[Symbol.asyncDispose](), busy?.[Symbol.asyncDispose]()])
  await rm(directory, { recursive: true, force: true })
})

function accessLine(path: string, agent = 'test'): string {
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  return `203.0.113.7 - - [${day}/${month}/${year}:${time} +0000] "GET ${path} HTTP/1.1" 200 512 "-" "${agent}" 0.012\n`
}

/** How many lines the tile says were counted; the one that was there from the start is among them. */
const countedLines = async (page: Page) => {
  await page.locator('#tile-lines .tile-value[title]').waitFor()
  await page.waitForFunction(() =>
    /[1-9]/.test(document.querySelector('#tile-lines .tile-value')?.getAttribute('title') ?? ''),
  )
  const title = (await page.locator('#tile-lines .tile-value').getAttribute('title')) ?? ''
  return Number(title.replace(/\D/g, ''))
}

async function waitForCount(page: Page, count: number, timeoutMs: number): Promise<void> {
  await page.waitForFunction(
    expected => {
      const title = document.querySelector('#tile-lines .tile-value')?.getAttribute('title') ?? ''
      return Number(title.replace(/\D/g, '')) === expected
    },
    count,
    { timeout: timeoutMs },
  )
}

test('a line appended to a tailed file changes the tile and appears in the tail within 2 s', async context => {
  await waitForCount(page, 1, 30_000)
  await page.locator('.tail-row', { hasText: '/first' }).waitFor()
  const took: number[] = []
  for (let round = 1; round <= 5; round++) {
    const began = performance.now()
    await appendFile(site, accessLine(`/round-${round}`))
    await Promise.all([
      waitForCount(page, 1 + round, lineToPixelMs),
      page.locator('.tail-row', { hasText: `/round-${round}` }).waitFor({ timeout: lineToPixelMs }),
    ])
    took.push(performance.now() - began)
  }
  context.diagnostic(`figure line to pixel: ${took.map(ms => Math.round(ms)).join(', ')} ms`)
  assert.deepEqual(errors, [])
})

test('hostile lines are shown as text, and every good line around them is counted', async () => {
  const before = await countedLines(page)
  const hostile = [
    accessLine('/<script>window.pwned=1</script>', '<img src=x onerror=window.pwned=1>'),
    accessLine('/ansi', '\u001b[2J\u001b[31mred\u001b]0;title\u0007'),
    accessLine('/bidi', '\u202egnp.exe'),
  ]
  const invalid = Buffer.from(`${accessLine('/utf8', 'BYTES').trimEnd()}\n`)
  invalid.fill(0xff, invalid.indexOf('BYTES'), invalid.indexOf('BYTES') + 5)
  await appendFile(site, accessLine('/good-1'))
  await appendFile(site, hostile.join(''))
  await appendFile(site, invalid)
  await appendFile(site, accessLine(`/long?${'x'.repeat(1_000_000)}`))
  await appendFile(site, accessLine('/good-2'))
  await waitForCount(page, before + 7, 10_000)
  await page.locator('.tail-row', { hasText: '/good-2' }).waitFor()
  const text = await page.locator('.tail-row', { hasText: 'window.pwned' }).first().innerText()
  assert.match(text, /<script>window\.pwned=1<\/script>/)
  assert.equal(await page.evaluate(() => (window as { pwned?: number }).pwned), undefined)
  assert.equal(await page.locator('.tail img, .tail script').count(), 0)
  const shown = await page.locator('.tail').innerText()
  assert(
    !shown.includes('\u001b') && !shown.includes('\u202e'),
    'control characters are made visible, not obeyed',
  )
  assert.deepEqual(errors, [])
})

test('the page says that the server or the broker is gone, and recovers without a reload', async () => {
  await page.evaluate(() => {
    ;(window as { neverReloaded?: boolean }).neverReloaded = true
  })
  const before = await countedLines(page)

  const serverBack = appliance.kill('analytics')
  await pillSays(page, 'reconnecting')
  await keepScreenshot(page, 'reconnecting-dark')
  await serverBack
  await appendFile(site, accessLine('/after-the-server'))
  await pillSays(page, 'live')
  await waitForCount(page, before + 1, 15_000)

  const brokerBack = appliance.kill('broker')
  await page.locator('.banner[data-kind="brokerDown"]').waitFor({ timeout: 10_000 })
  await keepScreenshot(page, 'broker-down-dark')
  await appendFile(site, accessLine('/while-the-broker-is-away'))
  await brokerBack
  await page.locator('.banner[data-kind="brokerDown"]').waitFor({ state: 'detached', timeout: 15_000 })
  await waitForCount(page, before + 2, 15_000)
  await page.locator('.tail-row', { hasText: '/while-the-broker-is-away' }).waitFor()

  assert.equal(await page.evaluate(() => (window as { neverReloaded?: boolean }).neverReloaded), true)
  // While the server is away the browser itself reports refused connections; anything else is ours.
  const ours = errors.filter(
    error => !/ERR_CONNECTION_REFUSED|WebSocket connection to|ERR_CONNECTION_RESET/.test(error),
  )
  assert.deepEqual(ours, [])
})

test('axe finds nothing in either theme or on a phone, and the screenshots are kept', async () => {
  await page.context().close()
  const opened = await openPage(browser, await busy.loginLink(), { theme: 'dark', ...desktop })
  ;({ page, errors } = opened)
  await page.waitForFunction(() => {
    const title = document.querySelector('#tile-lines .tile-value')?.getAttribute('title') ?? ''
    return Number(title.replace(/\D/g, '')) > 1_500
  })
  for (const [size, kind] of [
    [desktop, 'overview'],
    [phone, 'overview-phone'],
  ] as const) {
    await page.setViewportSize(size)
    for (const theme of ['dark', 'light'] as const satisfies readonly Theme[]) {
      const name = `${kind}-${theme}`
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
      await keepScreenshot(page, name)
      assert.deepEqual(await accessibilityBreaches(page), [], name)
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      assert(overflow <= 0, `${name} scrolls sideways by ${overflow} px`)
      assert.deepEqual(errors, [], name)
    }
  }
})
