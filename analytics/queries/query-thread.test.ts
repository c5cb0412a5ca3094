// The query thread and its bounds: shares, waiting, time, rows, memory of what is still true, and threads that hang or
// die. Real threads on a real store; those that misbehave are two-line workers.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { FixedClock, fillUsual, nowMs, StoreFeed, silentLog } from '../test-store.ts'
import type { ProblemError } from './problem.ts'
import { type Query, type QueryLimits, QueryThread } from './query-thread.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let storePath: string
let feed: StoreFeed

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'query-thread-'))
  storePath = join(directory.path, 'windows.db')
  feed = new StoreFeed(storePath, new FixedClock())
  fillUsual(feed)
})

after(async () => {
  feed.close()
  await directory.remove()
})

function thread(limits: Partial<QueryLimits> = {}, worker?: string): QueryThread {
  const file = join(directory.path, `${Object.keys(limits).join('-') || 'plain'}.mjs`)
  if (worker !== undefined) writeFileSync(file, worker)
  const workerFile = worker === undefined ? {} : { workerFile: pathToFileURL(file) }
  return new QueryThread({ storePath, timeZone: 'UTC', log: silentLog, limits, ...workerFile })
}

const fixed = { window: '5m', from: '2026-11-24T08:00:00Z', to: '2026-11-24T08:10:00Z', limit: 10 }
const requests: Query = { question: 'stats', asked: { ...fixed, metric: 'requests' }, nowMs, asker: 'a' }

function kindOf(asking: Promise<unknown>): Promise<string> {
  return asking.then(
    () => 'answered',
    (error: ProblemError) => error.kind ?? error.message,
  )
}

test('what was answered is still true until something is committed, or until time moves a rolling window', async () => {
  const queries = thread()
  const first = await queries.ask(requests)
  assert.equal(JSON.parse(first.body!).rows[0].values.value, 2400)
  assert.ok(first.rows > 0)
  const again = await queries.ask({ ...requests, nowMs: nowMs + 5000, ifNoneMatch: `W/"x", ${first.etag}` })
  assert.deepEqual(again, { etag: first.etag, body: null, next: null, rows: 0 })
  const rolling: Query = { ...requests, asked: { window: '5m', metric: 'requests', limit: 1 } }
  const { etag } = await queries.ask(rolling)
  assert.equal((await queries.ask({ ...rolling, ifNoneMatch: etag })).body, null)
  assert.notEqual((await queries.ask({ ...rolling, nowMs: nowMs + 1000, ifNoneMatch: etag })).body, null)
  feed.add('logs', [{ line: 'not an access line', timestampMs: nowMs, format: 'combined' }])
  assert.notEqual((await queries.ask({ ...requests, ifNoneMatch: first.etag })).body, null)
  await queries.close()
  assert.equal(await kindOf(queries.ask(requests)), 'restarting')
})

test('one asker has a share, all together have a room, and both are free again afterwards', async () => {
  const queries = thread({ perAskerMax: 2, waitingMax: 3 })
  const asking = [requests, requests, requests, { ...requests, asker: 'b' }, { ...requests, asker: 'c' }]
  const kinds = await Promise.all(asking.map(query => kindOf(queries.ask(query))))
  assert.deepEqual(kinds, ['answered', 'answered', 'too-many-queries', 'answered', 'queries-busy'])
  assert.equal(await kindOf(queries.ask(requests)), 'answered')
  await queries.close()
})

test('rows and time have an end, and the thread answers the next question', async () => {
  const few = thread({ rowsMax: 100 })
  const byPath: Query = {
    ...requests,
    asked: { ...fixed, metric: 'requests', by: 'path', step: '10s' },
    question: 'series',
  }
  assert.equal(await kindOf(few.ask(byPath)), 'too-many-rows')
  assert.equal(await kindOf(few.ask({ ...requests, question: 'agents', asked: {} })), 'answered')
  await few.close()
  const late = thread({ timeoutMs: -1 })
  assert.equal(await kindOf(late.ask(requests)), 'query-timeout')
  await late.close()
})

test('a question that nobody waits for is not asked', async () => {
  const queries = thread()
  const gone = new AbortController()
  const first = queries.ask(requests)
  const second = kindOf(queries.ask({ ...requests, signal: gone.signal }))
  gone.abort()
  assert.equal(await second, 'cancelled')
  await first
  assert.deepEqual([queries.counters.answered, queries.counters.cancelled, queries.depth], [1, 1, 0])
  await queries.close()
})

test('a question under way ends when its asker goes, between two rows', async () => {
  const busy = `import { parentPort, workerData } from 'node:worker_threads'
parentPort.on('message', ({ id }) => {
  while (Atomics.load(workerData.cancelled, 0) !== id);
  parentPort.postMessage({ type: 'problem', id, problem: { status: 499, kind: 'cancelled', title: '', message: '' } })
})`
  const queries = thread({ waitingMax: 5 }, busy)
  const gone = new AbortController()
  const asking = kindOf(queries.ask({ ...requests, signal: gone.signal }))
  gone.abort()
  assert.equal(await asking, 'cancelled')
  await queries.close()
})

test('a thread that hangs is replaced; one that dies fails its question alone', async () => {
  const hanging = thread(
    { timeoutMs: 50 },
    `import { parentPort } from 'node:worker_threads'
parentPort.on('message', () => { for (;;); })`,
  )
  const [first, second] = [kindOf(hanging.ask(requests)), kindOf(hanging.ask(requests))]
  assert.equal(await first, 'query-timeout')
  assert.equal(await second, 'query-timeout')
  assert.equal(hanging.counters.timedOut, 2)
  await hanging.close()
  const dying = thread(
    { perAskerMax: 9 },
    `import { parentPort } from 'node:worker_threads'

parentPort.on('message', () => { throw new Error('out of luck') })`,
  )
  assert.equal(await kindOf(dying.ask(requests)), 'out of luck')
  assert.equal(await kindOf(dying.ask(requests)), 'out of luck')
  await dying.close()
})
