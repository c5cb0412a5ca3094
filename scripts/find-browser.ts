// Finds a Chromium for the browser tests: TAILRACE_CHROMIUM, the system's, Playwright's own, the one inside the
// npm package @sparticuz/chromium, and as root on Debian the package manager's. Writes only a temporary copy.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

export interface FoundBrowser {
  readonly path: string | undefined
  readonly detail: string
}

const systemPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** The first browser that answers `--version`. */
export async function findBrowser(): Promise<FoundBrowser> {
  const tried: string[] = []
  for (const candidate of [process.env['TAILRACE_CHROMIUM'], ...systemPaths]) {
    if (candidate === undefined || candidate === '') continue
    if (answers(candidate)) return { path: candidate, detail: candidate }
    tried.push(candidate)
  }
  for (const [name, find] of [
    ["Playwright's own", playwrightChromium],
    ['@sparticuz/chromium', packagedChromium],
    ['apt-get', installedChromium],
  ] as const) {
    const path = await find().catch(() => undefined)
    if (path !== undefined && answers(path)) return { path, detail: path }
    tried.push(name)
  }
  return {
    path: undefined,
    detail: `tried ${tried.join(', ')}. Install Chromium, or set TAILRACE_CHROMIUM to its path.`,
  }
}

function answers(path: string): boolean {
  return (
    existsSync(path) &&
    spawnSync(path, ['--version', '--no-sandbox'], { stdio: 'ignore', timeout: 20_000 }).status === 0
  )
}

async function playwrightChromium(): Promise<string> {
  const { chromium } = await import('playwright')
  return chromium.executablePath()
}

async function packagedChromium(): Promise<string> {
  const { default: chromium } = await import('@sparticuz/chromium')
  return chromium.executablePath()
}

async function installedChromium(): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', timeout: 120_000 })
  spawnSync('apt-get', ['install', '-y', '-qq', 'chromium'], { stdio: 'ignore', timeout: 300_000 })
  return '/usr/bin/chromium'
}
