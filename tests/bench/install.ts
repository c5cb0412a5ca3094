// `npm run bench -- install`: `npm start` in a clean clone with a cold npm cache and nothing of ours in the
// environment: seconds to the banner, and what node_modules takes. Fetches from the registry.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '../..')
const secondsMax = 150
const megabytesMax = 350

export async function runInstall(): Promise<void> {
  const place = await mkdtemp(join(tmpdir(), 'tailrace-cold-'))
  const clone = join(place, 'clone')
  execFileSync('git', ['clone', '--quiet', root, clone])
  const startedMs = performance.now()
  const flags = ['--data', join(place, 'data'), '--kafka-port', '0', '--http-port', '0']
  const child = spawn('npm', ['start', '--', ...flags], {
    cwd: clone,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      HOME: place,
      PATH: (process.env['PATH'] ?? '')
        .split(':')
        .filter(path => !path.startsWith(root))
        .join(':'),
      npm_config_cache: join(place, 'cache'),
    },
  })
  try {
    let banner = false
    for await (const line of createInterface({ input: child.stderr })) {
      if (/^setup:|npm (warn|error)/i.test(line)) console.log(line)
      if (line.includes('/login#t=')) {
        banner = true
        break
      }
    }
    const seconds = (performance.now() - startedMs) / 1_000
    const kilobytes = Number(
      execFileSync('du', ['-sk', join(clone, 'node_modules')], { encoding: 'utf8' }).split('\t')[0],
    )
    const megabytes = (kilobytes * 1_024) / 1e6
    console.log(`banner  ${banner ? `${seconds.toFixed(1)} s` : 'never came'}, at most ${secondsMax}`)
    console.log(`node_modules  ${megabytes.toFixed(0)} MB, at most ${megabytesMax}`)
    if (!banner || seconds > secondsMax || megabytes > megabytesMax) process.exitCode = 1
  } finally {
    child.stderr.destroy()
    // Its process group: npm hands no signal on.
    process.kill(-child.pid!, 'SIGINT')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await rm(place, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 })
  }
}
