// docs/api.md by its examples: every command is sent to a real server on ten generated minutes, and what stands under
// it is in the answer. The definitions are those of the catalogue.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AnswerServer } from '../server.ts'
import { FixedClock, fillUsual, StoreFeed, startTestServer, testConfig } from '../test-store.ts'
import { withDefinitions } from './api-page.ts'

const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')
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

interface Example {
  readonly command: string
  readonly kind: string | undefined
  readonly answer: string | undefined
}

/** Commands, each with the block that follows it at once. */
const examples: Example[] = [
  ...page.matchAll(/^```sh\n(curl[\s\S]*?)^```\n(?:```(json|csv)\n([\s\S]*?)^```)?/gm),
].map(([, command, kind, answer]) => ({ command: command!, kind, answer }))

/** What curl would send: the address, headers, and a body that makes it a POST. */
function send(command: string): Promise<Response> {
  const path = /"\$TAILRACE([^"]*)"/.exec(command)![1]!
  const headers: Record<string, string> = {}
  for (const [, name, value] of command.matchAll(/-H "([\w-]+): ([^"]*)"/g))
    headers[name!] = value!.replace('$TOKEN', token)
  const json = / -d '([\s\S]*)'/.exec(command)?.[1]
  const form = / --data-urlencode '(\w+)=([\s\S]*)'/.exec(command)
  const body = json ?? (form ? new URLSearchParams({ [form[1]!]: form[2]! }) : undefined)
  return fetch(`http://127.0.0.1:${server.port}${path}`, { headers, ...(body && { method: 'POST', body }) })
}

for (const { command, kind, answer } of examples) {
  test(`docs/api.md: ${command.slice(command.indexOf('$TAILRACE') + 9, 110).split('\n')[0]}`, async () => {
    const response = await send(command)
    const text = await response.text()
    assert.equal(response.status, 200, text)
    if (kind === 'csv') assert.equal(text.replaceAll('\r\n', '\n'), answer)
    else if (kind === 'json') assertHolds(JSON.parse(text), JSON.parse(answer!), '')
    else assert.ok(text.length > 0)
  })
}

/** Everything that is expected is there; what is beside it is left out of the page. */
function assertHolds(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected !== 'object' || expected === null) {
    assert.equal(actual, expected, path)
    return
  }
  for (const [name, value] of Object.entries(expected)) {
    assertHolds((actual as Record<string, unknown> | undefined)?.[name], value, `${path}.${name}`)
  }
}

test('the page has examples of every kind, and its definitions are those of the catalogue', () => {
  assert.ok(examples.length >= 18)
  assert.equal(page, withDefinitions(page), 'Run `node scripts/api-page.ts`: the catalogue has changed')
})
