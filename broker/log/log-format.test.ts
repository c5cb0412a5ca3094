// The worked example of docs/log-format.md, byte by byte.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { appended, batchOf, closeOn, logOf, openDirectory, startMs } from './log-fixture.ts'
import { SimDisk } from './sim-disk.ts'

test('docs/log-format.md shows the bytes that lie on disk', async () => {
  const disk = new SimDisk()
  disk.nowMs = startMs
  const directory = openDirectory(disk, { indexIntervalBytes: 64 })
  const log = logOf(directory)
  const first = batchOf({
    values: ['a', 'bc'],
    timestamps: [startMs, startMs + 5],
    producerId: 7,
    sequence: 0,
  })
  const second = batchOf({ values: ['d'], timestamp: startMs + 7, producerId: 7, sequence: 2 })
  for (const batch of [first, second]) appended(log.append(batch, 3, startMs + 9))
  await closeOn(disk, directory)

  const page = readFileSync(new URL('../../docs/log-format.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/^```hex (\S+)\n([\s\S]*?)^```$/gm)]
  assert.equal(blocks.length, 5)
  for (const [, name, body] of blocks) {
    const bytes = body!.split('\n').map(line => line.split('  ')[0]!.replaceAll(' ', ''))
    assert.equal(bytes.join(''), disk.bytesOf(`/data/logs-0/${name}`).toString('hex'), name)
  }
  const names = disk.list('/data/logs-0').filter(name => !/epoch|metadata/.test(name))
  assert.deepEqual(blocks.map(([, name]) => name).sort(), names)
})
