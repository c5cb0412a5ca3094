// The fleet of 500 agents as they tell it: which lags and in which file, what is silent or failing, hostile names;
// a row opens onto its files; adding one says what to type where no other host is served.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { Browser, Page } from 'playwright'
import type { AgentsAnswer } from '../../analytics/http/contract-agents.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, keepScreenshot, openBrowser, openPage, pillSays } from './browser.ts'

const agentCount = 500
const hostileHost = '<b onclick=alert(1)>\u202ehost'
const laggingFile = '/var/log/nginx/\u001b[31maccess.log'

let browser: Browser
let appliance: Appliance
let page: Page
let errors: string[]

function record(at: number) {
  const isLagging = at === 123
  const bytesBehind = isLagging ? 5_000_000 : 0
  const file = (path: string, behind: number) => ({
    ...{ path, topic: 'logs', format: 'combined', sizeBytes: 9_000_000, bytesPerSecond: 4_000 },
    ...{ bytesBehind: behind, behindMs: behind > 0 ? 95_000 : 0, lastLineAt: Date.now() - 4_000 },
    ...{ gone: false, error: null },
  })
  const status = {
    agentId: `agent${String(at).padStart(3, '0')}`,
    host: at === 7 ? hostileHost : `web-${String(at).padStart(3, '0')}`,
    version: at % 50 === 0 ? '0.0.1' : '0.1.0',
    files: 2,
    linesPerSecond: 3_210,
    ...{ bytesBehind, bytesPerSecond: 8_000, behindMs: isLagging ? 95_000 : 0, linesLeftOut: 42 },
    errors: at === 200 ? ['/root/secret.log: EACCES'] : [],
    fileStatuses: [
      file(isLagging ? laggingFile : '/var/log/nginx/access.log', bytesBehind),
      file('/var/log/app.log', 0),
    ],
  }
  return { key: status.agentId, value: JSON.stringify(status) }
}

async function tell(from: number, to: number): Promise<void> {
  const kafka = new Kafka({
    brokers: [appliance.kafkaAddress],
    clientId: 'agents-test',
    logLevel: logLevel.NOTHING,
  })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const messages = Array.from({ length: to - from }, (_, at) => record(from + at))
  await producer.send({ topic: '__tailrace_agents', messages })
  await producer.disconnect()
}

before(async () => {
  ;[browser, appliance] = await Promise.all([openBrowser(), startAppliance([], {}, { agent: false })])
  await tell(0, agentCount)
  const look = { theme: 'light', width: 1_440, height: 900 } as const
  const opened = await openPage(browser, await appliance.loginLink(), look)
  page = opened.page
  errors = opened.errors
  const isThere = ({ agents }: AgentsAnswer) => agents.length === agentCount
  await eventually('all agents are told', () => appliance.get<AgentsAnswer>('/agents'), isThere)
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
})

test('which agent lags and in which file: one click to the fleet, one to its files', async () => {
  await page.locator('a[href^="/agents"]').first().click()
  await page.locator(`#agents table[data-rows="${agentCount}"]`).waitFor()
  const first = page.locator('#agents tbody tr[data-key]').first()
  assert.equal(await first.getAttribute('data-key'), 'agent123')
  assert.ok((await page.locator('#agents tbody tr').count()) < 60)
  await page.locator('#agents thead', { hasText: 'Joined by' }).waitFor()
  await first.locator('.row-open').click()
  const file = page.locator('#agent-files tbody tr[data-key]').first()
  await file.waitFor()
  const text = String(await file.textContent())
  assert.match(text, /access\.log/)
  assert.ok(!text.includes('\u001b'), 'what hides is shown by its name')
  assert.match(text, /4\.77 MiB/)
  assert.match(text, /1 m 35 s/)
  await page.locator('#agent-files .agent-skipped', { hasText: '42 lines left out' }).waitFor()
  assert.deepEqual(await accessibilityBreaches(page), [])
  await keepScreenshot(page, 'agents-light')
})

test('a hostile host is text, found by search; who fails is flagged', async () => {
  await page.getByLabel('Search hosts').fill('onclick')
  await page.locator('#agents table[data-rows="1"]').waitFor()
  assert.match(String(await page.locator('#agents .row-open').textContent()), /<b onclick=alert\(1\)>/)
  await page.getByLabel('Search hosts').fill('web-200')
  await page.locator('#agents tr[data-tone="warn"]', { hasText: 'Errors' }).waitFor()
  assert.equal(new URL(page.url()).searchParams.get('q'), 'web-200')
  await page.getByLabel('Search hosts').fill('')
})

test('adding an agent shows the command, and what to type where no other host is served', async () => {
  await page.getByRole('button', { name: 'Add agent' }).click()
  await page.locator('.act-dialog').getByLabel('Name').fill('web-03')
  assert.equal(
    await page.locator('.act-command').textContent(),
    'tailrace agents add --name web-03 --expires 15m',
  )
  await page.getByRole('button', { name: 'Make the line' }).click()
  const refusal = page.locator('.act-refused[data-reason="not-public"]')
  await refusal.getByText('tailrace up --public HOST').waitFor()
  // The browser tells of the refusal itself.
  assert.match(errors.pop() ?? '', /409/)
})

test('where others are served, the line is shown and the row turns green at the hello', async () => {
  const line = 'curl -fsSk https://box:8443/install.sh …'
  await page.route('**/api/v1/agents/invitations', route =>
    route.fulfill({
      json: { line, code: 'trj1.x', expiresAt: Date.now() + 900_000, fingerprint: 'f', checksum: 'c' },
    }),
  )
  await page.getByRole('button', { name: 'Make the line' }).click()
  assert.equal(await page.locator('.join-line').textContent(), line)
  await page.locator('.hello[data-state="waiting"]').waitFor()
  await tell(agentCount, agentCount + 1)
  const hello = page.locator('.hello[data-state="connected"]')
  await hello.waitFor()
  assert.equal(await hello.textContent(), 'web-500 connected, 2 files found, 3,210 lines/s')
  await keepScreenshot(page, 'add-agent-light')
  await page.getByRole('button', { name: 'Done' }).click()
})

test('a viewer is not told how an agent joined', async () => {
  await page.route('**/api/v1/me', async route => {
    const me = (await (await route.fetch()).json()) as object
    await route.fulfill({ json: { ...me, role: 'viewer' } })
  })
  await page.goto(`${appliance.origin}/agents`)
  await page.locator(`#agents table[data-rows="${agentCount + 1}"]`).waitFor()
  await page.getByRole('button', { name: 'Add agent' }).waitFor({ state: 'detached' })
  assert.doesNotMatch(await page.locator('#agents thead').innerText(), /Joined by/)
  await page.unrouteAll()
})

test('on a phone in the dark; no script failed', async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
  await page.goto(`${appliance.origin}/agents?agent=agent123`)
  await pillSays(page, 'live')
  await page.locator('#agent-files tbody tr[data-key]').first().waitFor()
  const overflows = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
  assert.equal(overflows, false)
  assert.deepEqual(await accessibilityBreaches(page), [])
  await keepScreenshot(page, 'agents-phone-dark')
  assert.deepEqual(errors, [])
})
