// Everything from outside is hostile, on every page: nothing of it runs, all is text with what hides made visible;
// a spreadsheet gets no formula and a terminal no escape.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { Browser, BrowserContext, Page } from 'playwright'
import type { AlertsAnswer } from '../../analytics/http/contract-alerts.ts'
import { childEnvironment } from '../../cli/supervisor.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { accessibilityBreaches, keepScreenshot, openBrowser, openPage } from './browser.ts'
import {
  hostileGroup,
  hostileName,
  hostileSettings,
  hostileText,
  tellHostileThings,
  writeHostileFiles,
} from './hostile.ts'

const desktop = { width: 1_280, height: 900 }
const phone = { width: 390, height: 844 }

let browser: Browser
let appliance: Appliance
let directory: string
let page: Page
let session: BrowserContext
let errors: string[]

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-hostile-'))
  await writeHostileFiles(directory)
  const { inputs, ...settings } = hostileSettings(directory)
  ;[browser, appliance] = await Promise.all([openBrowser(), startAppliance(inputs!, settings)])
  await tellHostileThings(appliance, adminToken())
  const opened = await openPage(browser, await appliance.loginLink(), { theme: 'light', ...desktop })
  ;({ page, errors, context: session } = opened)
  page.setDefaultTimeout(10_000)
  page.on('dialog', dialog => {
    errors.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await session.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      console.error(`policy: ${violatedDirective} ${blockedURI}`)
    })
  })
  const isFiring = ({ firing }: AlertsAnswer) => firing.length > 0
  await eventually('the rule fires', () => appliance.get<AlertsAnswer>('/alerts'), isFiring)
})

after(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function adminToken(): string {
  return readFileSync(join(appliance.directory, 'data', 'token'), 'utf8').trim()
}

/** What is wrong with the page as it stands: markup that came through, what hides, what is too wide. */
function faults(): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = []
    const hiding =
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/
    const say = (where: string, text: string) => found.push(`${where}: ${JSON.stringify(text.slice(0, 120))}`)
    if ((window as { ran?: unknown }).ran !== undefined) found.push('a script ran')
    for (const element of document.body.querySelectorAll('*')) {
      const path = `${element.closest('[id]')?.id} ${element.tagName} ${element.className}`
      if (element.matches('img, iframe, object, embed, base, form[action], #root script'))
        say('element', path)
      for (const { name, value } of element.attributes) {
        if (name.startsWith('on')) say('handler', `${path} ${name}`)
        // What a row is found by, and what one has typed, is not shown.
        if (name.startsWith('data-') || name === 'value') continue
        if (hiding.test(value)) say(`attribute ${name} of ${path}`, value)
        if (/^(href|src|action)$/.test(name) && /^\s*(javascript|data):/i.test(value)) say('address', value)
      }
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      const text = node.nodeValue ?? ''
      if (hiding.test(text))
        say(`text in ${node.parentElement?.tagName} ${node.parentElement?.className}`, text)
    }
    const width = document.documentElement.scrollWidth
    if (width > window.innerWidth) found.push(`${width} px wide in a window of ${window.innerWidth}`)
    return found
  })
}

async function judge(name: string, where = 'main'): Promise<void> {
  await page.locator(where, { hasText: 'ran=1' }).first().waitFor()
  assert.deepEqual(await faults(), [], name)
  if (process.env['KEEP']) await keepScreenshot(page, `hostile-${name}`)
  await page.setViewportSize(phone)
  assert.deepEqual(await faults(), [], `${name} on a phone`)
  if (process.env['KEEP']) await keepScreenshot(page, `hostile-${name}-phone`)
  await page.setViewportSize(desktop)
}

/** Without loading the page anew. */
async function go(path: string): Promise<void> {
  await page.evaluate(to => window.history.pushState(null, '', to), path)
}

const encoded = encodeURIComponent(hostileText)

test('overview and tail: lines, paths, referrers, file names', async () => {
  await page.locator('.tail-row', { hasText: 'ran=1' }).first().waitFor()
  await page.locator('#losses td', { hasText: 'ran=1' }).first().waitFor()
  await judge('overview')
  await page.goto(`${appliance.origin}/tail?hl=${encoded}&wrap=1`)
  await page.locator('.tail-row', { hasText: 'U+202E' }).first().waitFor()
  const icon = await page.locator('.highlight').evaluate(button => {
    const [whole, cross] = [button, button.querySelector('.icon')!].map(one => one.getBoundingClientRect())
    return cross!.width > 10 && cross!.right <= whole!.right
  })
  assert.ok(icon, 'a long highlight leaves room for its cross')
  for (const toggle of (await page.locator('.row-toggle').all()).slice(0, 3)) await toggle.click()
  await page.locator('.line-detail[data-record="loaded"]').first().waitFor()
  await judge('tail')
  await page.goto(`${appliance.origin}/tail?q=${encoded}`)
  await judge('tail-empty')
  await go(`/tail?at=${encoded}`)
  await judge('tail-past')
})

test('explore: values, filters and whatever a link says', async () => {
  await go('/explore?m=events&by=event&r=1h')
  await judge('explore', '#explore-top')
  await page.getByTitle('Show as table').click()
  await judge('explore-table', '#explore-chart table')
  const asked = errors.length
  await go(`/explore?m=events&by=event&r=1h&f=event:${encoded}`)
  await judge('explore-filter', '.chips')
  await go(`/explore?m=${encoded}&by=${encoded}&c=previous`)
  await judge('explore-unknown', '.refusal')
  const refusals = errors.splice(asked)
  assert.ok(
    refusals.every(error => /status of 4\d\d/.test(error)),
    refusals.join('\n'),
  )
})

test('users: pages, campaigns, goals and a funnel by their names', async () => {
  await go('/users?r=1h')
  await page.locator('#pages tbody tr').first().waitFor()
  await page.locator('#goals', { hasText: 'ran=1' }).waitFor()
  await judge('users', '#pages')
  await go(`/users?r=1h&sources=utm_campaign&step=page:${encoded}&step=event:${encoded}`)
  await page.locator('#sources', { hasText: 'ran=1' }).waitFor()
  await judge('users-funnel', '#funnel')
})

test('cluster: groups with their dialogs, records, names that a link makes up', async () => {
  await go(`/cluster/groups/${encodeURIComponent(hostileGroup)}`)
  await page.locator('#group .cluster-facts').waitFor()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await judge('group-delete', '.act-dialog')
  // Nobody can type what cannot be seen: the name as it is shown is taken.
  const shown = await page.locator('.act-field b').innerText()
  await page.locator('.act-field input').fill(shown)
  assert.ok(await page.getByRole('button', { name: 'Delete group' }).isEnabled())
  await page.keyboard.press('Escape')
  await go('/cluster/groups')
  await judge('groups', '#groups')
  await page.locator('#groups .lag-trend').first().hover()
  await go('/cluster/messages?topic=logs&partition=0&offset=0')
  await page.locator('.message-list', { hasText: 'U+202E' }).waitFor()
  await judge('messages', '.message-list')
  const asked = errors.length
  await go(`/cluster/topics/${encoded}`)
  await judge('topic-unknown')
  await go(`/cluster/topics?q=${encoded}`)
  await judge('topics-none')
  errors.splice(asked, errors.length, ...errors.slice(asked).filter(error => !/status of 4\d\d/.test(error)))
})

test('agents, alerts, losses, settings: hosts, rules, files, tokens, who tried to sign in', async () => {
  await go('/agents?agent=agent666')
  await page.locator('#agent-files tbody tr[data-key]').first().waitFor()
  await judge('agents', '#agent-files')
  await go(`/agents?q=${encoded}`)
  await judge('agents-none')
  await go('/alerts')
  await page.locator('#firing .firing-list li').first().waitFor()
  await page.locator('#alert-history tbody tr').first().waitFor()
  await page
    .locator('#rules')
    .getByRole('button', { name: /^Delete/ })
    .click()
  await judge('alerts', '#rules')
  await page.getByRole('button', { name: 'Keep' }).click()
  await page
    .locator('#rules')
    .getByRole('button', { name: /^Change/ })
    .click()
  await page.locator('.preview[data-state]').waitFor()
  await judge('alert-rule', 'dialog')
  await page.keyboard.press('Escape')
  await go('/losses')
  await page.locator('#losses tbody details').first().click()
  await judge('losses', '#losses')
  await go('/settings')
  await page.locator('#audit tbody tr', { hasText: 'ran=1' }).first().waitFor()
  await judge('settings', '#tokens')
  assert.deepEqual(await accessibilityBreaches(page), [])
})

test('no script ran, nothing broke the policy, and nothing of it failed', () => {
  assert.deepEqual(errors, [])
})

test('a spreadsheet gets text where a formula would be', async () => {
  const files = [
    '/stats/events?window=1h&by=event&format=csv',
    '/stats/requests?window=1h&by=path&format=csv',
    '/series/events?window=1h&by=event&format=csv',
    '/losses?limit=100&format=csv',
  ]
  const texts = await Promise.all(
    files.map(path => page.evaluate(async at => (await fetch(`/api/v1${at}`)).text(), path)),
  )
  for (const [at, text] of texts.entries()) {
    const cells = cellsOf(text)
    assert.ok(cells.length > 8 && text.includes('ran=1'), files[at])
    const formulas = cells.filter(cell => /^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)))
    assert.deepEqual(formulas, [], files[at])
  }
  assert.ok(texts[0]!.includes(`'=cmd|`), 'the name is still there')
})

function cellsOf(csv: string): string[] {
  return [...csv.matchAll(/(?:^|,|\r?\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? '',
  )
}

test('a terminal gets no escape, and nothing that runs backwards', async () => {
  const data = ['--data', join(appliance.directory, 'data'), '--http-port', new URL(appliance.origin).port]
  const said = await Promise.all([
    tailrace('tail', 'logs', '--since', '1h', '-n', '9', ...data),
    tailrace('top', '--once', '--color', 'never', ...data),
    tailrace('status', ...data),
    tailrace('groups', 'list', ...data),
    tailrace('agents', 'list', ...data),
    tailrace('alerts', 'list', ...data),
  ])
  assert.match(said[0]!, /ran=1/)
  const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
  for (const text of said) assert.doesNotMatch(text.replaceAll('\r\n', '\n'), steering)
  assert.ok(hostileName.includes('\u202e'))
})

async function tailrace(...words: readonly string[]): Promise<string> {
  const entry = join(import.meta.dirname, '../../cli/tailrace.js')
  // Only what goes to a terminal is made visible; a pipe gets lines as they are.
  const env = { ...childEnvironment(), NO_COLOR: '1' }
  const inTerminal = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'
  const ran = promisify(execFile)('python3', ['-c', inTerminal, process.execPath, entry, ...words], { env })
  // `status` ends with 10 where something is not well.
  const { stdout, stderr } = await ran.catch((error: { stdout: string; stderr: string }) => error)
  return `${stdout}${stderr}`
}
