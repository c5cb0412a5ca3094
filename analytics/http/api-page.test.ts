// docs/api.md by its examples: every command is sent to a real server on ten generated minutes, and what stands under
// it is in the answer; those of the log itself by tests/system/search.test.ts. Definitions are those of the catalogue,
// and every route of openapi.json is named.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AnswerServer } from '../server.ts'
import { FixedClock, fillUsual, StoreFeed, startTestServer, testConfig } from '../test-store.ts'
import { withGenerated } from './api-page.ts'
import { examples, execute, isOfTheLog, page } from './page-examples.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let token: string

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'api-page-'))
  const config = testConfig(directory.path)
  const clock = new FixedClock()
  const feed = new StoreFeed(join(config.dataDirectory, 'windows.db'), clock)
  fillUsual(feed)
  feed.close()
  server = await startTestServer(config, clock)
  token = readFileSync(config.tokenPath, 'utf8').trim()
})

after(async () => {
  await server.close()
  await directory.remove()
})

for (const example of examples.filter(example => !isOfTheLog(example))) {
  test(`docs/api.md: ${example.path.slice(0, 70)}`, () =>
    execute(example, `http://127.0.0.1:${server.port}`, token))
}

test('the page has examples of every kind, and its tables are those of the catalogue and of the routes', () => {
  assert.ok(examples.length >= 35)
  assert.ok(examples.filter(isOfTheLog).length >= 2)
  assert.equal(
    page,
    withGenerated(page),
    'Run `node scripts/api-page.ts`: what it is generated from has changed',
  )
})

test('every route that openapi.json describes is named on the page', async () => {
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/openapi.json`)
  const { paths } = (await response.json()) as { paths: Record<string, object> }
  const missing = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .map(method => `\`${method.toUpperCase()} ${path.replace('/api/v1', '')}\``)
      .filter(name => !page.includes(name)),
  )
  assert.ok(Object.keys(paths).length > 40)
  assert.deepEqual(missing, [])
})
