// `tailrace log dump` as a person runs it: rows on standard output, exit code 0; a mismatch is named and gives 1.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { LogDirectory } from '../broker/log/log-directory.ts'
import { BatchBuilder } from '../broker/protocol/batch-builder.ts'
import { dumpPath } from './log-commands.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const clusterId = 'Y2x1c3Rlci1vZi1vbmUtMQ'

async function brokerDirectory(path: string): Promise<void> {
  const listener = { onDurable: () => {}, onFailed: () => {} }
  const directory = LogDirectory.open({ path, clusterId, nodeId: 1, listener, nowMs: Date.now() })
  const log = directory.create('logs', 0, 'dGFpbHJhY2UtdGVzdC0xMg')
  const builder = new BatchBuilder()
  builder.append(Buffer.from('k'), Buffer.from('a "quoted" line'), undefined, 1_000)
  builder.append(null, null, undefined, 2_000)
  assert(log.append(builder.build({ codec: 'gzip' }), 0, Date.now()).ok)
  await directory.close(1)
}

test('log dump prints what is there, and exits 1 when files do not agree', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'log-dump-'))
  await brokerDirectory(root.path)
  const run = (...flags: string[]) =>
    spawnSync(process.execPath, [main, 'log', 'dump', root.path, ...flags], { encoding: 'utf8' })
  const sound = run('--deep', '--json')
  assert.equal(sound.status, 0, sound.stderr)
  const files = sound.stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const segment = files.find(({ file }) => file.endsWith('.log'))
  assert.equal(segment.rows[0].codec, 'gzip')
  assert.deepEqual(
    segment.rows[0].records.map(({ key, value }: { key: string; value: string }) => [key, value]),
    [
      ['k', 'a "quoted" line'],
      [null, null],
    ],
  )
  const path = join(root.path, 'logs-0/00000000000000000000.log')
  const bytes = readFileSync(path)
  bytes[70]! ^= 1
  writeFileSync(path, bytes)
  const damaged = run()
  assert.equal(damaged.status, 1)
  assert.match(damaged.stdout, /MISMATCH the batch at byte 0 is not sound/)
  assert.match(damaged.stderr, /00000000000000000000\.log: the batch at byte 0/)
})

test('log dump names records in words, and refuses what holds no log', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'log-dump-'))
  await brokerDirectory(root.path)
  let text = ''
  assert.deepEqual(
    dumpPath(join(root.path, 'logs-0'), { deep: true }, more => {
      text += more
    }),
    [],
  )
  assert.match(
    text,
    /\| offset: 0 timestamp: 1000 keyBytes: 1 valueBytes: 15 key: "k" value: "a \\"quoted\\" line"/,
  )
  assert.match(text, /\| offset: 1 timestamp: 2000 keyBytes: -1 valueBytes: -1 key: null value: null/)
  assert.throws(() => dumpPath(join(root.path, 'absent'), {}, () => {}), /there is no such file/)
  assert.throws(() => dumpPath(main, {}, () => {}), /no file of a log/)
})
