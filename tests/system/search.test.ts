// Search, the tail's history and the message browser over the segments of a real broker: order, filters, bounds,
// cursors that miss and repeat nothing, bytes without loss.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TailRow } from '../../analytics/http/contract.ts'
import type { RecordsAnswer, SearchAnswer, SearchEnd } from '../../analytics/http/contract-search.ts'
import { examples, execute, isOfTheLog } from '../../analytics/http/page-examples.ts'
import { type AnswerServer, startAnswering } from '../../analytics/server.ts'
import { openStore } from '../../analytics/store/schema.ts'
import { silentLog, testConfig } from '../../analytics/test-store.ts'
import { connect, type LogClient } from '../../broker/client/log-client.ts'
import { systemClock } from '../../runtime/clock.ts'
import { BrokerCluster } from './broker-cluster.ts'

let cluster: BrokerCluster
let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let client: LogClient
let token: string
const startMs = Math.floor(Date.now() / 1000) * 1000 - 3_600_000
const lines = 3_000

before(async () => {
  cluster = await BrokerCluster.start(1, [
    { name: 'logs', partitions: 3 },
    { name: 'raw', partitions: 1 },
  ])
  directory = await mkdtempDisposable(join(tmpdir(), 'search-'))
  const config = { ...testConfig(directory.path), bootstrap: cluster.addresses }
  const storePath = join(config.dataDirectory, 'windows.db')
  openStore(storePath).close()
  client = await connect({ bootstrap: cluster.addresses })
  const records = Array.from({ length: lines }, (_, index) => ({
    key: `k${index % 7}`,
    value: lineOf(index),
    timestamp: startMs + index * 100,
  }))
  for (let at = 0; at < lines; at += 500)
    await client.produce('logs', records.slice(at, at + 500), { codec: 'zstd' })
  server = await startAnswering({ config, storePath, clock: systemClock, log: silentLog })
  token = readFileSync(config.tokenPath, 'utf8').trim()
})

after(async () => {
  await server?.close()
  await client?.close()
  await cluster?.[Symbol.asyncDispose]()
  await directory?.remove()
})

function lineOf(index: number): string {
  if (index % 2 === 0) {
    return JSON.stringify({
      n: index,
      level: index % 10 === 0 ? 'error' : 'info',
      user: { id: `u${index % 50}` },
    })
  }
  const status = index % 15 === 0 ? 503 : 200
  return `10.0.0.1 - - [24/Nov/2026:08:00:00 +0000] "GET /p/${index % 5} HTTP/1.1" ${status} 10 "-" "x ${index}"`
}

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}/api/v1/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  })
}

async function read<Answer>(path: string): Promise<Answer> {
  const response = await ask(path)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Answer
}

const find = (query: string) =>
  read<SearchAnswer>(`search?topic=logs&from=${startMs - 1}&limit=10000&${query}`)
const isIndex = (fits: (index: number) => boolean) =>
  Array.from({ length: lines }, (_, index) => index).filter(fits)
const indexes = ({ rows }: { readonly rows: readonly TailRow[] }) =>
  rows.map(({ at }) => (at - startMs) / 100)

test('everything comes once, in order of time over all partitions', async () => {
  const answer = await find('')
  assert.deepEqual(
    indexes(answer),
    isIndex(() => true),
  )
  assert.equal(new Set(answer.rows.map(({ partition }) => partition)).size, 3)
  assert.deepEqual(
    [answer.end.complete, answer.end.stoppedBy, answer.end.scannedRecords],
    [true, 'end', lines],
  )
})

test('text, pattern, fields, level and time choose lines', async () => {
  const rows: [query: string, fits: (index: number) => boolean][] = [
    ['q=%22user%22', index => index % 2 === 0],
    ['field=user.id:u4', index => index % 50 === 4],
    ['field=status:503', index => index % 15 === 0 && index % 2 === 1],
    ['field=status:503&field=path:/p/0', index => index % 15 === 0 && index % 2 === 1],
    ['field=n:42', index => index === 42],
    ['level=error', index => index % 10 === 0 || index % 15 === 0],
    [
      `re=${encodeURIComponent('"x 1[0-9]{2}1"$')}`,
      index => index % 2 === 1 && index >= 1000 && index < 2000 && index % 10 === 1,
    ],
    [`to=${startMs + 2000}`, index => index < 20],
    ['q=nothing-like-this', () => false],
    ['q=%22user%22&invert=yes', index => index % 2 === 1],
    ['field=status:503&invert=yes&level=error', index => index % 10 === 0],
  ]
  for (const [query, fits] of rows) assert.deepEqual(indexes(await find(query)), isIndex(fits), query)
})

test('the newest before a moment come in order of time, and pages of them go back to the beginning', async () => {
  const back = (to: number, query = '') =>
    read<SearchAnswer>(`search?topic=logs&order=newest&limit=700&to=${to}${query}`)
  const seen: number[] = []
  let to = startMs + 2_500 * 100
  for (let complete = false; !complete; ) {
    const page = await back(to)
    const found = indexes(page)
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
    )
    seen.unshift(...found)
    to = page.rows[0]?.at ?? 0
    complete = page.end.complete
  }
  assert.deepEqual(
    seen,
    isIndex(index => index < 2_500),
  )
  const few = await back(startMs + 1_000 * 100, '&q=%22n%22:4')
  assert.deepEqual(
    indexes(few),
    isIndex(index => index < 1_000 && index % 2 === 0 && String(index).startsWith('4')),
  )
})

test('what a gap left out is found by its offsets, with the filter of the tail', async () => {
  const all = await find('')
  const inside = all.rows.filter(({ partition, offset }) => partition === 1 && +offset >= 10 && +offset <= 40)
  const answer = await read<SearchAnswer>('search?topic=logs&range=1:10-40&limit=1000')
  assert.deepEqual(answer.rows, inside)
  assert.equal(answer.end.complete, true)
  const both = await read<SearchAnswer>('search?topic=logs&range=1:10-40&range=2:0-5&level=error&limit=1000')
  assert.deepEqual(
    both.rows.map(({ partition, offset }) => `${partition}/${offset}`).toSorted(),
    all.rows
      .filter(({ partition, offset, level }) => {
        const isInside = partition === 1 ? +offset >= 10 && +offset <= 40 : partition === 2 && +offset <= 5
        return isInside && level === 'error'
      })
      .map(({ partition, offset }) => `${partition}/${offset}`)
      .toSorted(),
  )
  assert.equal((await ask('search?topic=logs&range=1:40')).status, 400)
})

test('pages by cursor miss nothing and repeat nothing, and the last goes on with what comes', async () => {
  const seen: number[] = []
  let cursor = ''
  for (let page = 0; ; page++) {
    const at = cursor === '' ? `from=${startMs - 1}` : `cursor=${cursor}`
    const answer = await read<SearchAnswer>(`search?topic=logs&q=user&limit=400&${at}`)
    seen.push(...indexes(answer))
    cursor = answer.end.cursor
    if (answer.end.complete) break
    assert.equal(answer.end.stoppedBy, 'limit')
    assert.ok(page < 10)
  }
  assert.deepEqual(
    seen,
    isIndex(index => index % 2 === 0),
  )
  await client.produce('logs', [{ value: 'a user came later', timestamp: startMs + lines * 100 }])
  const later = await read<SearchAnswer>(`search?topic=logs&q=user&cursor=${cursor}`)
  assert.deepEqual(
    later.rows.map(({ line }) => line),
    ['a user came later'],
  )
})

test('NDJSON is a row a line and how it ended', async () => {
  const response = await ask(`search?topic=logs&from=${startMs - 1}&limit=5`, {
    headers: { accept: 'application/x-ndjson' },
  })
  assert.match(response.headers.get('content-type') ?? '', /^application\/x-ndjson/)
  const parts = (await response.text()).trim().split('\n')
  assert.equal(parts.length, 6)
  assert.deepEqual(
    parts.slice(0, 5).map(text => ((JSON.parse(text) as TailRow).at - startMs) / 100),
    [0, 1, 2, 3, 4],
  )
  assert.equal((JSON.parse(parts[5]!) as { end: SearchEnd }).end.stoppedBy, 'limit')
})

test('what cannot be asked is refused before anything is read', async () => {
  const rows: [path: string, status: number, told: RegExp][] = [
    ['search?topic=none', 404, /no topic .*none/],
    ['search?topic=logs&re=(a)%5C1', 400, /linear time/],
    ['search?topic=logs&re=(', 400, /Cannot use this pattern/],
    ['search?topic=logs&field=x', 400, /name:value/],
    ['search?topic=logs&from=now&to=now-1h', 400, /from must be before/],
    ['search?topic=logs&cursor=1.x', 400, /cursor/i],
    ['search?topic=logs&qq=x', 400, /There is no field .*qq/],
    ['topics/logs/records?partition=9', 404, /partitions 0 to 2/],
    ['topics/logs/records?offset=1&time=now', 400, /one of/],
    ['topics/none/records', 404, /no topic/],
  ]
  for (const [path, status, told] of rows) {
    const response = await ask(path)
    assert.equal(response.status, status, path)
    assert.match(await response.text(), told, path)
  }
  assert.equal((await fetch(`http://127.0.0.1:${server.port}/api/v1/search?topic=logs`)).status, 401)
})

test('a pattern that would take for ever elsewhere takes no time', async () => {
  await client.produce('raw', [{ value: `${'a'.repeat(50_000)}!`, timestamp: startMs }])
  const pattern = encodeURIComponent('^(a+)+$')
  const { rows, end } = await read<SearchAnswer>(`search?topic=raw&from=${startMs - 1}&re=${pattern}`)
  assert.deepEqual([rows.length, end.stoppedBy], [0, 'end'])
})

test('records are shown without loss, forward from a place and back from another', async () => {
  const bytes = Uint8Array.from([0xff, 0, 0xfe])
  const value = JSON.stringify({ big: '9007199254740993' }).replace(/"(\d+)"/, '$1')
  const [produced] = await client.produce('raw', [
    { key: bytes, value, headers: { src: 'a.b.0', odd: bytes }, timestamp: startMs + 5 },
    { key: null, value: null, timestamp: startMs + 6 },
    { key: '', value: 'é', timestamp: startMs + 7 },
  ])
  const { partition, baseOffset } = produced!
  const page = await read<RecordsAnswer>(`topics/raw/records?partition=${partition}&offset=${baseOffset}`)
  assert.deepEqual(
    page.records.map(record => [record.offset, record.key, record.value]),
    [
      [String(baseOffset), { base64: '/wD+' }, { text: '{"big":9007199254740993}' }],
      [String(baseOffset + 1), null, null],
      [String(baseOffset + 2), { text: '' }, { text: 'é' }],
    ],
  )
  assert.deepEqual(page.records[0]!.headers, [
    { name: 'src', value: { text: 'a.b.0' } },
    { name: 'odd', value: { base64: '/wD+' } },
  ])
  const found = await read<RecordsAnswer>(`topics/raw/records?time=${startMs + 6}&limit=1`)
  assert.deepEqual(
    found.records.map(({ offset }) => offset),
    [String(baseOffset + 1)],
  )

  const back: string[] = []
  let before: string | null = page.highWatermark
  for (; before !== null; ) {
    const answer: RecordsAnswer = await read<RecordsAnswer>(`topics/raw/records?before=${before}&limit=2`)
    back.unshift(...answer.records.map(({ offset }) => offset))
    before = answer.previous
  }
  assert.deepEqual(
    back,
    Array.from({ length: baseOffset + 3 }, (_, offset) => String(offset)),
  )
})

for (const example of examples.filter(isOfTheLog)) {
  test(`docs/api.md: ${example.path}`, () => execute(example, `http://127.0.0.1:${server.port}`, token))
}
