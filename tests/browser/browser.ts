// A real Chromium for the page's tests: started quietly, its console watched, its screenshots kept as artefacts.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright'
import { findBrowser } from '../../scripts/find-browser.ts'

const artefacts = join(import.meta.dirname, '../artefacts')

export type Theme = 'dark' | 'light'

export async function openBrowser(): Promise<Browser> {
  const { path, detail } = await findBrowser()
  if (path === undefined) throw new Error(`No browser: ${detail}`)
  mkdirSync(artefacts, { recursive: true })
  return chromium.launch({
    executablePath: path,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  })
}

export interface WatchedPage {
  readonly page: Page
  /** Errors of the console and of scripts since the page was opened. */
  readonly errors: string[]
}

/** A page that signs in by the link, at a size and in a theme. */
export async function openPage(
  browser: Browser,
  link: string,
  look: { readonly theme: Theme; readonly width: number; readonly height: number },
): Promise<WatchedPage & { readonly context: BrowserContext }> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.theme,
    locale: 'en-US',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', error => errors.push(error.message))
  await page.goto(link)
  await pillSays(page, 'live')
  return { page, errors, context }
}

/** Waits until the Live pill is in the state. */
export async function pillSays(page: Page, state: string, timeoutMs = 15_000): Promise<void> {
  await page.locator(`.pill[data-state="${state}"]`).waitFor({ timeout: timeoutMs })
}

/**
 * What axe finds wrong, one line each; in a part of the page, where one is named. Without frames the older way finds
 * the same in a third of the time, as it needs no second page.
 */
export async function accessibilityBreaches(page: Page, within = 'html'): Promise<string[]> {
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode()
  const found = await axe.include(within).analyze()
  return found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html.slice(0, 200)}`))
}

export async function keepScreenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(artefacts, `${name}.png`), fullPage: false })
}
