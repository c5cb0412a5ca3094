// Where the broker's time goes while it is produced to and fetched from: one broker under V8's profiler, each work in a
// window of its own, and of each the shares and the functions on top.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capacity, catchingUp, type ProduceCase, type Settings, tailing } from './broker-parts.ts'
import { type Measured, startOurs } from './broker-peer.ts'
import { markdownTable } from './markdown-table.ts'
import { kinds, readProfile, type Summary, summarise } from './profile-summary.ts'

const produce16: ProduceCase = {
  acks: -1,
  recordBytes: 100,
  batchBytes: 16 * 1_024,
  codec: 'none',
  partitions: 16,
}
const target = 0.8
const busiestShown = 10

export async function profileBroker(settings: Settings): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'tailrace-profile-'))
  try {
    const windows: [string, Measured][] = []
    {
      await using peer = await startOurs({ profileDirectory: directory })
      await capacity(peer, produce16, 'flushed', settings)
      const large = { ...produce16, batchBytes: 1 << 20 }
      windows.push(
        ['produce, 16 KiB', await capacity(peer, produce16, 'flushed', settings)],
        ['produce, 16 KiB, zstd', await capacity(peer, { ...produce16, codec: 'zstd' }, 'flushed', settings)],
        ['produce, 1 MiB', await capacity(peer, large, 'flushed', settings)],
        ['tailing, 16 KiB', await tailing(peer, 'flushed', settings, 1_000)],
        ['catching up, 16 KiB', await catchingUp(peer, 'small', 1, settings)],
        ['catching up, 1 MiB', await catchingUp(peer, 'large', 1, settings)],
        ['8 consumers, 1 MiB', await catchingUp(peer, 'large', 8, settings)],
      )
    }
    const profile = readProfile(directory)
    const summaries = windows.map(([name, { windowUs }]): [string, Summary] => [
      name,
      summarise(profile, windowUs),
    ])
    print(summaries)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function print(summaries: readonly (readonly [string, Summary])[]): void {
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`
  const rows = summaries.map(([name, { shares }]) => {
    const unavoidable = shares.CRC + shares.copy + shares['system calls']
    const verdict = `${percent(unavoidable)}${unavoidable < target ? ' (below)' : ''}`
    return [name, ...kinds.map(kind => percent(shares[kind])), verdict]
  })
  console.log('Samples of the main thread, idle time left out\n')
  console.log(`${markdownTable(['work', ...kinds, 'CRC, copy, calls (target 80 %)'], rows)}\n`)
  for (const [name, { busiest }] of summaries) {
    console.log(`${name}:`)
    for (const one of busiest.slice(0, busiestShown))
      console.log(`  ${percent(one.share).padStart(5)} ${one.name}`)
  }
}
