// What somebody who tries a configuration is shown: each record, what will be read of it, and that it will not be.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog } from '../runtime/log.ts'
import type { AgentInput } from './config.ts'
import { dryRun } from './dry-run.ts'
import { readBack } from './read-back.ts'

const nginx = 'nginx:$remote_addr [$time_iso8601] "$request" $status $request_time'
const line = '203.0.113.7 [2026-11-24T08:00:00+00:00] "GET /shop/1?x=2 HTTP/2.0" 200 0.042'

async function shown(text: string, input: Partial<AgentInput>) {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'dry-'))
  const path = join(directory.path, 'a.log')
  writeFileSync(path, text)
  const config = {
    ...{ dataDirectory: directory.path, bootstrap: [], host: 'h', keySeedPath: join(directory.path, 'none') },
    inputs: [{ paths: [path], format: 'raw', ...input }],
  }
  const [plan] = dryRun(
    config,
    { filesMax: 1, recordsMax: 9 },
    createLog('test', () => {}),
  )
  return plan!.records
}

test('a format that fits shows what is read, one that does not says so', async () => {
  const [fits, not] = await shown(`${line}\nnot an access line\n`, { format: nginx })
  assert.deepEqual(fits!.read, {
    time: '2026-11-24T08:00:00.000Z',
    client: '203.0.113.7',
    method: 'GET',
    path: '/shop/1',
    status: 200,
    bytes: 0,
    milliseconds: 42,
  })
  assert.equal(not!.read, null)
})

test('the last record of several lines is shown too, though more of it might come', async () => {
  const records = await shown('one\n\tof it\ntwo\n\tof it\n', { multiline: { continuation: '^\\t' } })
  assert.deepEqual(
    records.map(record => [record.line, record.read]),
    [
      ['one\n\tof it', {}],
      ['two\n\tof it', {}],
    ],
  )
})

test('readBack() reads what has a parser of its own as the count does', () => {
  const event = '{"timestamp":"2026-11-24T08:00:00Z","type":"page","anonymousId":"a1","path":"/p"}'
  const time = '2026-11-24T08:00:00.000Z'
  const read = readBack('json', event, 0)
  assert.deepEqual([read?.['time'], read?.['type'], read?.['path']], [time, 'page', '/p'])
  const metric = '{"timestamp":"2026-11-24T08:00:00Z","host":"w","name":"cpu","value":0.5}'
  assert.deepEqual(readBack('metrics', metric, 0), { time, host: 'w', name: 'cpu', value: 0.5 })
  assert.equal(readBack('combined', 'nothing of the kind', 0), null)
  assert.deepEqual(readBack('statsd', 'a:3|c', 0), { time: 'none: that of reading', a: 3 })
})
