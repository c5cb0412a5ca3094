// The cluster's pages over one broker: topics, partitions and groups shown and changed, each action beside the command
// it equals; records by offset with integers as they were sent; and 5,000 partitions that stay quick.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { Browser, Page } from 'playwright'
import type { ClusterAnswer } from '../../analytics/http/contract.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, keepScreenshot, openBrowser, openPage, pillSays } from './browser.ts'

const hostileGroup = '<img src=x onerror=alert(1)>\u202egroup'
const bigInteger = '9007199254740993'

let browser: Browser
let appliance: Appliance
let page: Page
let errors: string[]

before(async () => {
  ;[browser, appliance] = await Promise.all([openBrowser(), startAppliance([], {}, { agent: false })])
  const kafka = new Kafka({
    brokers: [appliance.kafkaAddress],
    clientId: 'browser-test',
    logLevel: logLevel.NOTHING,
  })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const messages = Array.from({ length: 60 }, (_, index) => ({
    ...{ partition: 0, key: `key-${index}`, value: `{"id":${bigInteger},"n":${index}}` },
    headers: { host: 'web-1' },
  }))
  await producer.send({ topic: 'logs', messages })
  await producer.disconnect()
  const token = readFileSync(join(appliance.directory, 'data', 'token'), 'utf8').trim()
  const made = await fetch(`${appliance.origin}/api/v1/groups/${encodeURIComponent(hostileGroup)}/reset`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'logs', to: { offset: '20' } }),
  })
  assert.ok(made.ok, await made.text())
  const look = { theme: 'dark', width: 1_440, height: 900 } as const
  const opened = await openPage(browser, await appliance.loginLink(), look)
  page = opened.page
  errors = opened.errors
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
})

const go = async (path: string) => {
  await page.goto(`${appliance.origin}${path}`)
  await pillSays(page, 'live')
}

test('brokers, what lacks a copy, and elections; axe finds nothing', async () => {
  await page.locator('a[href^="/cluster"]').first().click()
  await page.locator('#brokers tr[data-up="true"] .crown').waitFor()
  await page.locator('#troubled .all-in-sync').waitFor()
  assert.deepEqual(await accessibilityBreaches(page), [])
  await keepScreenshot(page, 'cluster-dark')
})

test('a topic is made in a dialog that shows the command, set, and deleted by its name', async () => {
  await page.getByRole('link', { name: 'Topics', exact: true }).click()
  await page.locator('#topics tr[data-key="logs"]').waitFor()
  await page.getByRole('button', { name: 'New topic' }).click()
  await page.locator('.act-dialog').getByLabel('Name').fill('orders')
  await page.locator('.act-dialog').getByLabel('Partitions').fill('2')
  assert.equal(
    await page.locator('.act-command').textContent(),
    'tailrace topics create orders --partitions 2',
  )
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await page.locator('#topic tr[data-key="1"]').waitFor()
  await page.locator('#configs').getByRole('button', { name: 'retention.ms', exact: true }).click()
  await page.locator('.act-dialog').getByLabel('Value').fill('3600000')
  assert.equal(
    await page.locator('.act-command').textContent(),
    'tailrace topics alter orders --set retention.ms=3600000',
  )
  await page.getByRole('button', { name: 'Set', exact: true }).click()
  await page.locator('#configs tr[data-source="topic"]', { hasText: 'retention.ms' }).waitFor()
  await keepScreenshot(page, 'topic-dark')

  await page.locator('#topic').getByRole('button', { name: 'Delete', exact: true }).click()
  const confirm = page.getByRole('button', { name: 'Delete topic' })
  assert.equal(await confirm.isDisabled(), true)
  await page.getByLabel('Type orders to confirm').fill('orders')
  await confirm.click()
  await page.locator('#topics').waitFor()
  const isGone = ({ topics }: ClusterAnswer) => topics.every(({ name }) => name !== 'orders')
  await eventually('the topic is gone', () => appliance.get<ClusterAnswer>('/cluster'), isGone)
})

test('a group with a hostile name is behind, is reset, and then is not', async () => {
  await page.getByRole('link', { name: 'Groups', exact: true }).click()
  const row = page.locator('#groups tbody tr[data-key]', { hasText: 'onerror' })
  await row.waitFor()
  assert.equal(await row.locator('td').nth(2).textContent(), '40')
  assert.match(String(await row.locator('th').textContent()), /<img src=x onerror=alert\(1\)>/)
  await keepScreenshot(page, 'groups-dark')
  await row.locator('.row-open').click()
  await page.getByRole('button', { name: 'Reset', exact: true }).click()
  assert.equal(
    await page.locator('.act-command').textContent(),
    `tailrace groups reset '${hostileGroup.replace('\u202e', 'U+202E')}' --to-latest`,
    'what cannot be seen is spelled out',
  )
  const moved = page.locator('.reset-preview tbody tr[data-moves="true"]').first()
  assert.match(await moved.innerText(), /\s\d+\s+\d+\s+skip \d+$/)
  await keepScreenshot(page, 'group-reset-dark')
  await page.locator('.act-dialog').getByRole('button', { name: 'Reset', exact: true }).click()
  await page.locator('#group .cluster-facts dd', { hasText: /^0$/ }).first().waitFor()
})

test('records by offset keep their integers, and the address says which', async () => {
  await go('/cluster/messages?topic=logs&partition=0&offset=7')
  await page.locator('.message-list li[data-offset="7"] .message-whole').waitFor()
  const text = await page.locator('.message-whole').textContent()
  assert.ok(text?.includes(bigInteger), String(text))
  await keepScreenshot(page, 'messages-dark')
})

test('5,000 partitions come by one request and few rows, sorted and searched', async () => {
  const cluster = await appliance.get<ClusterAnswer>('/cluster')
  const template = cluster.topics.find(({ name }) => name === 'logs')!
  const topics = Array.from({ length: 500 }, (_, at) => ({
    ...template,
    name: `topic-${String(at).padStart(3, '0')}`,
    partitions: Array.from({ length: 10 }, (__, partition) => ({
      ...template.partitions[0]!,
      partition,
      isr: at === 321 && partition === 7 ? [] : [1],
    })),
  }))
  let asked = 0
  await page.route('**/api/v1/cluster', route => {
    asked++
    return route.fulfill({ json: { ...cluster, topics } })
  })
  await page.route('**/api/v1/topics/*/configs', route =>
    route.fulfill({ json: { topic: 'made up', configs: [] } }),
  )
  await go('/cluster/topics?sort=-lacking')
  await page.locator('#topics table[data-rows="500"]').waitFor()
  assert.ok((await page.locator('#topics tbody tr').count()) < 60)
  assert.equal(asked, 1)
  assert.match(String(await page.locator('#topics tbody tr[data-key]').first().textContent()), /topic-321/)
  await page.getByLabel('Search topics').fill('topic-32')
  await page.locator('#topics table[data-rows="10"]').waitFor()
  await page.locator('#topics .row-open').first().click()
  await page.locator('#topic tr[data-tone="warn"][data-key="7"]').waitFor()
  await page.unrouteAll()
})

test('on a phone in light, readable by everybody; no script failed', async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  await go('/cluster/topics')
  await page.locator('#topics tr[data-key="logs"]').waitFor()
  const overflows = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
  assert.equal(overflows, false)
  assert.deepEqual(await accessibilityBreaches(page), [])
  await keepScreenshot(page, 'topics-phone-light')
  assert.deepEqual(errors, [])
})
