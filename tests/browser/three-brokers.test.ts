// The page over three brokers: one is killed with -9 and one hangs, the page names each as down, goes on being live,
// tells who was elected, and recovers without a reload.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright'
import type { ClusterAnswer } from '../../analytics/http/contract.ts'
import { demoInputs, demoProcess } from '../../cli/processes.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, keepScreenshot, openBrowser, openPage, pillSays } from './browser.ts'

const desktop = { width: 1_440, height: 900 }
const phone = { width: 390, height: 844 }

let browser: Browser
let appliance: Appliance
let directory: string

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-page-three-'))
  const traffic = join(directory, 'traffic')
  await mkdir(traffic)
  ;[browser, appliance] = await Promise.all([
    openBrowser(),
    startAppliance(demoInputs(traffic), { brokers: 3 }),
  ])
  await appliance.supervisor.start(demoProcess(traffic))
  const isWhole = ({ healthy, brokers }: ClusterAnswer) => healthy && brokers.length === 3
  await eventually('three brokers are whole', () => appliance.get<ClusterAnswer>('/cluster'), isWhole)
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

const rowOf = (page: Page, id: number, up: boolean) =>
  page.locator(`#cluster tr[data-broker="${id}"][data-up="${up}"]`)

/** A broker is back within a second or so: what the page says is noted as it says it. */
async function noteWhatIsSaid(page: Page): Promise<void> {
  await page.evaluate(() => {
    const noted = new Set<string>()
    const note = () => {
      const row = document.querySelector('#cluster tr[data-up="false"]')
      const banner = document.querySelector('.banner[data-kind="someBrokersDown"] strong')
      if (row) noted.add(`row ${row.getAttribute('data-broker')}`)
      if (banner) noted.add(banner.textContent)
      noted.add(`pill ${document.querySelector('.pill')?.getAttribute('data-state')}`)
    }
    Object.assign(window, { noted, neverReloaded: true })
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true })
  })
}

const isNoted = (page: Page, what: string) =>
  page.waitForFunction(text => (window as unknown as { noted: Set<string> }).noted.has(text), what)

test('one broker of three is killed: the page names it, stays live, tells the election, and recovers', async () => {
  const { page, errors, context } = await openPage(browser, await appliance.loginLink(), {
    ...{ theme: 'dark', ...desktop },
  })
  await rowOf(page, 3, true).waitFor()
  assert.equal(await page.locator('#cluster tr[data-up="true"]').count(), 3)
  await noteWhatIsSaid(page)

  const back = appliance.kill('broker-2')
  await isNoted(page, 'row 2')
  await isNoted(page, 'Broker 2 is down.')
  await back
  await rowOf(page, 2, true).waitFor()
  await page.locator('#cluster .election', { hasText: '2 →' }).first().waitFor()
  await page.locator('.banner').waitFor({ state: 'detached' })
  await page.locator('#cluster .lack[data-tone="ok"]').waitFor()

  const said = await page.evaluate(() => {
    const { noted, neverReloaded } = window as unknown as { noted: Set<string>; neverReloaded: boolean }
    return { noted: [...noted], neverReloaded }
  })
  assert.equal(said.neverReloaded, true)
  assert(!said.noted.includes('pill reconnecting') && !said.noted.includes('pill stale'), said.noted.join())
  assert.deepEqual(errors, [])
  await context.close()
})

test('a broker that hangs is down too, in both themes and on a phone, and is up again when it goes on', async () => {
  const pid = appliance.supervisor.pidOf('broker-3')
  assert(pid !== undefined)
  process.kill(pid, 'SIGSTOP')
  let page: Page
  let errors: string[]
  try {
    const look = { theme: 'dark', ...desktop } as const
    ;({ page, errors } = await openPage(browser, await appliance.loginLink(), look))
    for (const [colorScheme, size, name] of [
      ['dark', desktop, 'one-broker-down-dark'],
      ['light', phone, 'one-broker-down-phone-light'],
    ] as const) {
      await page.setViewportSize(size)
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await rowOf(page, 3, false).waitFor()
      await page.locator('.banner[data-tone="warn"]', { hasText: 'Broker 3 is down' }).waitFor()
      assert.match(await page.locator('.pill').innerText(), /Live\s+2 of 3 brokers/)
      await keepScreenshot(page, name)
      assert.deepEqual(await accessibilityBreaches(page), [], name)
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      assert(overflow <= 0, `${name} scrolls sideways by ${overflow} px`)
      assert.deepEqual(errors, [], name)
    }
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  // Without a reload.
  await rowOf(page, 3, true).waitFor()
  await page.locator('#cluster .lack[data-tone="ok"]').waitFor()
  await pillSays(page, 'live')
  assert.deepEqual(errors, [])
})
