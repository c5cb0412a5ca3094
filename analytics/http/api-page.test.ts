// docs/api.md by its examples: every command is sent to a real server on ten generated minutes, and what stands under
// it is in the answer; those of the log itself by tests/system/search.test.ts. Definitions are those of the catalogue,
// and every route of openapi.json is named.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usualServer } from '../test-store.ts'
import { withGenerated } from './api-page.ts'
import { examples, execute, isOfTheLog, page } from './page-examples.ts'

const usual = usualServer()

for (const example of examples.filter(example => !isOfTheLog(example))) {
  test(`docs/api.md: ${example.path.slice(0, 70)}`, () => execute(example, usual.origin, usual.token))
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
  const response = await fetch(`${usual.origin}/api/v1/openapi.json`)
  const { paths } = (await response.json()) as { paths: Record<string, object> }
  const missing = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .map(method => `\`${method.toUpperCase()} ${path.replace('/api/v1', '')}\``)
      .filter(name => !page.includes(name)),
  )
  assert.ok(Object.keys(paths).length > 40)
  assert.deepEqual(missing, [])
})
