// `node scripts/screenshots.ts [login link]`: every page in both themes, wide and as on a phone, under docs/pages/, of
// the appliance that the link belongs to, or of one of its own with demo traffic. Reads what `npm run build` made.
import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium } from 'playwright'
import { demoInputs, demoProcess } from '../cli/processes.ts'
import { startAppliance } from '../tests/system/appliance.ts'
import { findBrowser } from './find-browser.ts'

const paths = '/ /tail /explore /users /cluster /agents /alerts /losses /settings'.split(' ')
const directory = join(import.meta.dirname, '../docs/pages')
/** Of one picture, and of all together. */
const bytesMax = 56_000
const allBytesMax = 1_500_000
/** Until the charts have something to show. */
const trafficMs = 90_000

const looks: Readonly<Record<string, BrowserContextOptions>> = {
  dark: { viewport: { width: 1_280, height: 800 }, colorScheme: 'dark' },
  light: { viewport: { width: 1_280, height: 800 }, colorScheme: 'light' },
  phone: { viewport: { width: 390, height: 780 }, colorScheme: 'light', hasTouch: true },
  'phone-dark': { viewport: { width: 390, height: 780 }, colorScheme: 'dark', hasTouch: true },
}
/** Shorter where letters fill the screen, which compress badly. */
const heights: Readonly<Record<string, number>> = { '/tail': 420 }
/** What a page shows when there is more to see than it opens with. */
const searches: Readonly<Record<string, string>> = {
  '/explore': '?m=latency&r=1h&by=path',
  '/users': '?r=1h',
}

async function takeAll(browser: Browser, link: string): Promise<void> {
  const first = await browser.newContext()
  const page = await first.newPage()
  await page.goto(link)
  await page.locator('.pill[data-state="live"]').waitFor()
  const storageState = await first.storageState()
  const origin = new URL(link).origin
  await mkdir(directory, { recursive: true })
  for (const [look, options] of Object.entries(looks)) {
    const context = await browser.newContext({
      ...options,
      storageState,
      locale: 'en-US',
      timezoneId: 'UTC',
      reducedMotion: 'reduce',
    })
    const shown = await context.newPage()
    for (const path of paths) {
      const { width, height } = options.viewport!
      const isPhone = width < 700
      await shown.setViewportSize({ width, height: isPhone ? height : (heights[path] ?? height) })
      await shown.goto(`${origin}${path}${searches[path] ?? ''}`)
      await shown.locator('.pill[data-state="live"]').waitFor()
      await shown.locator('main section, main form').first().waitFor()
      await shown.waitForFunction(() => !document.querySelector('main [data-state="loading"]'))
      // For what draws itself from a second answer: nothing tells that it is the last.
      await shown.waitForTimeout(2_500)
      const name = path === '/' ? 'overview' : path.slice(1)
      await keep(name, look, quality => shown.screenshot({ type: 'jpeg', quality }))
    }
    await context.close()
  }
}

let allBytes = 0

async function keep(page: string, look: string, shoot: (quality: number) => Promise<Buffer>): Promise<void> {
  let quality = 72
  let image = await shoot(quality)
  while (image.length > bytesMax && quality > 20) {
    quality -= 10
    image = await shoot(quality)
  }
  if (image.length > bytesMax) throw new Error(`${page}-${look} is ${image.length} bytes: make it smaller`)
  await writeFile(join(directory, `${page}-${look}.jpg`), image)
  allBytes += image.length
  if (allBytes > allBytesMax) throw new Error(`${allBytes} bytes of pictures: more than a clone should carry`)
  console.log(`docs/pages/${page}-${look}.jpg ${Math.round(image.length / 1000)} kB`)
}

const { path: executablePath, detail } = await findBrowser()
if (executablePath === undefined) throw new Error(`No browser: ${detail}`)
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
const [link] = process.argv.slice(2)
try {
  if (link !== undefined) await takeAll(browser, link)
  else {
    await using traffic = await mkdtempDisposable(join(tmpdir(), 'screenshots-'))
    await using appliance = await startAppliance(demoInputs(traffic.path), { brokers: 3 })
    await appliance.supervisor.start(demoProcess(traffic.path))
    await new Promise(resolve => setTimeout(resolve, trafficMs))
    await takeAll(browser, await appliance.loginLink())
  }
} finally {
  await browser.close()
}
