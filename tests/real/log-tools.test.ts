// Kafka's own DumpLogSegments over files of ours, all of a directory that has seen every codec, an idempotent producer,
// tombstones, epochs, rolled segments and a compaction: no mismatch. Needs a JDK and Maven: `npm run test:real`.
import assert from 'node:assert/strict'
import { mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { liveIn } from '../../broker/log/lived-in.ts'
import { runTool } from './kafka-tool.ts'

/** What the tool says of files that do not agree; gaps in the offsets are what compaction leaves. */
const mismatch = /mismatch|not found in the log|out of order|corrupt|invalid|error|exception/i

function filesOf(directory: string): string[] {
  const names = readdirSync(directory).filter(name => /^\d{20}\.(log|index|timeindex|snapshot)$/.test(name))
  return names.map(name => join(directory, name))
}

test('DumpLogSegments reads every file of ours and finds no mismatch', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'log-tools-'))
  await liveIn(root.path)
  for (const partition of ['plain-0', 'logs-0']) {
    const files = filesOf(join(root.path, partition))
    for (const kind of ['.log', '.index', '.timeindex', '.snapshot'])
      assert(
        files.some(file => file.endsWith(kind)),
        kind,
      )
    const result = await runTool('DumpLogSegments', ['--deep-iteration', '--files', files.join()])
    assert.doesNotMatch(result.text, mismatch)
    for (const file of files) assert(result.text.includes(`Dumping ${file}`), file)
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
      assert.match(result.text, new RegExp(`compresscodec: ${codec}`), codec)
    assert.match(result.text, /isvalid: true/)
    assert.equal(/deleteHorizonMs: OptionalLong\[\d+\]/.test(result.text), partition === 'logs-0', 'horizons')
    assert.equal(/producerId: 4 .*lastSequence: 299/.test(result.text), true, 'the snapshots')
    if (partition === 'plain-0') assert.equal(result.code, 0, result.text)
  }
})

test('and says so when an index does not belong to its segment', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'log-tools-'))
  await liveIn(root.path)
  const index = filesOf(join(root.path, 'plain-0')).find(
    file => file.endsWith('.index') && readFileSync(file).length > 0,
  )!
  const bytes = readFileSync(index)
  bytes[bytes.length - 5]! ^= 1
  writeFileSync(index, bytes)
  const result = await runTool('DumpLogSegments', ['--deep-iteration', '--files', index])
  assert.match(result.text, mismatch)
})
