// `tailrace accounts` from outside against a real server: what it prints, how it ends; and the prompt that is silent.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AnswerServer } from '../analytics/server.ts'
import { FixedClock, StoreFeed, startTestServer, testConfig } from '../analytics/test-store.ts'
import { type ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { readPassword } from './account-commands.ts'
import { runCommand } from './run-command.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'cli-accounts-'))
  const config = testConfig(directory.path)
  const clock = new FixedClock()
  new StoreFeed(join(config.dataDirectory, 'windows.db'), clock).close()
  server = await startTestServer(config, clock)
})

after(async () => {
  await server.close()
  await directory.remove()
})

function accounts(args: readonly string[], input = '') {
  const place = ['--data', directory.path, '--http-port', String(server.port)]
  return runCommand(directory.path, ['accounts', ...args, ...place], { input })
}

test('accounts are added by a password from standard input, listed, changed and removed', async () => {
  const added = await accounts(['add', 'Ada', '--role', 'admin', '--json'], 'quiet-morning-7\n')
  assert.deepEqual([added.code, added.errors], [0, ''])
  assert.deepEqual(JSON.parse(added.output), { name: 'ada', role: 'admin' })
  assert.equal(await server.sessions.accounts.check('ada', 'quiet-morning-7'), 'admin')
  const again = await accounts(['add', 'ada'], 'quiet-morning-7\n')
  assert.deepEqual([again.code, again.errors], [1, 'tailrace: There is an account "ada" already.\n'])
  const weak = await accounts(['add', 'bob'], 'short\n')
  assert.deepEqual([weak.code, weak.output], [exitCodes.usage, ''])
  assert.match(weak.errors, /10 characters or more/)
  const changed = await accounts(['password', 'ada'], 'another-evening-8')
  assert.deepEqual([changed.code, changed.errors], [0, ''])
  assert.equal(await server.sessions.accounts.check('ada', 'another-evening-8'), 'admin')
  const lowered = await accounts(['role', 'ada', 'viewer'])
  assert.deepEqual([lowered.code, lowered.output], [1, ''])
  assert.match(lowered.errors, /"ada" is the last account that may act/)
  assert.equal((await accounts(['role', 'ada', 'root'])).code, exitCodes.usage)
  const raised = await accounts(['role', 'ada', 'admin', '--json'])
  assert.deepEqual(JSON.parse(raised.output), { name: 'ada', role: 'admin' })
  const list = await accounts(['list'])
  assert.equal(list.output, 'ada   admin   since 2026-11-24 08:10  not signed in\n')
  const kept = await accounts(['remove', 'ada', '--json'])
  assert.deepEqual([kept.code, kept.output], [1, ''])
  assert.match(kept.errors, /"ada" is the last account that may act/)
  await accounts(['add', 'eve', '--role', 'admin'], 'quiet-morning-7\n')
  assert.equal((await accounts(['remove', 'ada'])).code, 0)
  const gone = await accounts(['remove', 'ada'])
  assert.deepEqual([gone.code, gone.errors], [1, 'tailrace: There is no account "ada".\n'])
})

test('without a password, a role or a server it ends as such commands end', async () => {
  assert.equal((await accounts(['add', 'ada'])).code, exitCodes.usage)
  assert.equal((await accounts(['add', 'ada', '--role', 'root'], 'quiet-morning-7')).code, exitCodes.usage)
  const closed = ['accounts', 'list', '--data', directory.path, '--http-port', '1']
  assert.equal((await runCommand(directory.path, closed)).code, exitCodes.unavailable)
})

async function type(text: string, twice: boolean) {
  const said: string[] = []
  const modes: boolean[] = []
  const input = {
    isTTY: true,
    setRawMode: (raw: boolean) => modes.push(raw),
    async *[Symbol.asyncIterator]() {
      for (const key of Buffer.from(text)) yield Buffer.from([key])
    },
  }
  const password = await readPassword('Password: ', twice, input, words => said.push(words)).catch(
    (error: ExitError) => error.exitCode,
  )
  return { password, said: said.join(''), modes }
}

test('the prompt takes what is typed and shows nothing of it', async () => {
  const once = await type('sécretx\u007f\r', false)
  assert.deepEqual(once, { password: 'sécret', said: 'Password: \n', modes: [true, false] })
  const twice = await type('wrong\u0015secret\rsecret\r', true)
  assert.deepEqual([twice.password, twice.said], ['secret', 'Password: \nOnce more: \n'])
  assert.equal((await type('secret\rsecrat\r', true)).password, exitCodes.usage)
  const interrupted = await type('sec\u0003', true)
  assert.deepEqual([interrupted.password, interrupted.modes], [exitCodes.interrupted, [true, false]])
  assert.equal((await type('\r', false)).password, exitCodes.usage)
})
