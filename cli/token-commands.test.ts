// `tailrace tokens` from outside against a real server: told once, listed without the secret, and ended.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { NewApiToken } from '../analytics/http/contract-accounts.ts'
import { FixedClock, StoreFeed, startTestServer, testConfig } from '../analytics/test-store.ts'
import { exitCodes } from '../runtime/lifecycle.ts'
import { runCommand } from './run-command.ts'
import { listText } from './token-commands.ts'

test('a token is made and told once, listed without its secret, and revoked', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'cli-tokens-'))
  const config = testConfig(directory.path)
  const clock = new FixedClock()
  new StoreFeed(join(config.dataDirectory, 'windows.db'), clock).close()
  const server = await startTestServer(config, clock)
  const tokens = (...args: readonly string[]) =>
    runCommand(directory.path, [
      ...['tokens', ...args, '--data', directory.path],
      ...['--http-port', String(server.port)],
    ])
  try {
    const [made, plain, wrong] = await Promise.all([
      tokens('create', 'grafana', '--role', 'viewer', '--json'),
      tokens('create', 'script', '--role', 'admin', '--expires', '365d'),
      tokens('create', 'x', '--expires', 'soon'),
    ])
    const { id, token, role, expiresAt } = JSON.parse(made.output) as NewApiToken
    assert.deepEqual([made.code, role, expiresAt], [0, 'viewer', null])
    assert.equal(server.sessions.byToken(token)?.role, 'viewer')
    assert.equal(
      server.sessions.byToken(plain.output.trim())?.role,
      'admin',
      'and nothing else on the output',
    )
    assert.equal(wrong.code, exitCodes.usage)
    const list = await tokens('list', '--json')
    assert(!list.output.includes(token))
    assert.equal(JSON.parse(list.output).tokens.length, 2)
    assert.equal((await tokens('revoke', id)).output, `revoked   ${id}\n`)
    assert.equal(server.sessions.byToken(token), null)
    assert.equal((await tokens('revoke', id)).code, exitCodes.failed)
  } finally {
    await server.close()
  }
})

test('a list says when each ends and was used, and what to type where there are none', () => {
  const one = { id: 'a1', role: 'viewer', createdBy: 'admin', createdAt: 0 } as const
  const text = listText([
    { ...one, name: 'grafana', lastUsedAt: null, expiresAt: null },
    { ...one, name: 'x\u001b[2J', lastUsedAt: 0, expiresAt: 86_400_000 },
  ])
  assert.equal(
    text,
    'a1  grafana   viewer  no end  never used\n' +
      'a1  x\\x1b[2J  viewer  until 1970-01-02 00:00  used 1970-01-01 00:00\n',
  )
  assert.match(listText([]), /tailrace tokens create NAME/)
})
