// The second worked example of docs/log-format.md, a compacted segment and its sidecar, byte by byte.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { appended, logOf, openDirectory, startMs } from './log-fixture.ts'
import { Scrub } from './scrub.ts'
import { SimDisk } from './sim-disk.ts'

test('docs/log-format.md shows what compaction leaves', () => {
  const disk = new SimDisk()
  disk.nowMs = startMs
  const config = {
    isCompacted: true,
    segmentBytes: 160,
    minCleanableDirtyRatio: 0,
    deleteRetentionMs: 3_600_000,
  }
  const directory = openDirectory(disk, config)
  const log = logOf(directory)
  const builder = new BatchBuilder()
  for (const pairs of [
    [
      ['k', 'a'],
      ['j', null],
    ],
    [['k', 'c']],
    [['k', 'd']],
  ] as const) {
    for (const [key, value] of pairs)
      builder.append(Buffer.from(key), value === null ? null : Buffer.from(value), undefined, startMs)
    appended(log.append(builder.build({ codec: 'none' }), 3, startMs))
  }
  log.requestFlush()
  disk.completeFlushes()
  log.highWatermark = 3
  directory.cleaner.look(directory.logs(), startMs)
  while (directory.cleaner.isBusy) disk.completeFlushes()
  const scrub = new Scrub(disk, () => directory.logs())
  for (let step = 0; step < 5; step++) scrub.step(1_000, startMs)

  const page = readFileSync(new URL('../../docs/log-format.md', import.meta.url), 'utf8')
  const block = (kind: string) =>
    new RegExp(`^\`\`\`${kind} 0+\\.\\w+\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)?.[1]
  const path = '/data/logs-0/00000000000000000000'
  const bytes = block('compacted')!
    .split('\n')
    .map(line => line.split('  ')[0]!.replaceAll(' ', ''))
  assert.equal(bytes.join(''), disk.bytesOf(`${path}.log`).toString('hex'))
  assert.equal(block('sidecar'), disk.bytesOf(`${path}.seal`).toString('latin1'))
})
