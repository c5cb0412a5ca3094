// Tokens are good once and for a while, and nowhere to be read; addresses may not try for ever.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Attempts } from './attempts.ts'
import { Enrolments } from './enrolments.ts'

async function scene() {
  const directory = await mkdtempDisposable(join(tmpdir(), 'enrolments-'))
  let now = 1_000_000
  const clock = { wallMs: () => now, monotonicMs: () => now }
  const enrolments = new Enrolments(join(directory.path, 'enrolments.db'), clock)
  return {
    enrolments,
    directory: directory.path,
    pass: (ms: number) => {
      now += ms
    },
    async [Symbol.asyncDispose]() {
      enrolments.close()
      await directory.remove()
    },
  }
}

const wish = { name: 'web-1', expiresInMs: 60_000, topics: ['logs'] }

test('a token is good once', async () => {
  await using s = await scene()
  const { token } = s.enrolments.makeToken(wish)
  assert.deepEqual(s.enrolments.take(token)?.topics, ['logs'])
  assert.equal(s.enrolments.take(token), null)
})

test('a token is not good after its time, and one given back is', async () => {
  await using s = await scene()
  const late = s.enrolments.makeToken(wish)
  s.pass(60_000)
  assert.equal(s.enrolments.take(late.token), null)
  const { token } = s.enrolments.makeToken(wish)
  s.enrolments.giveBack(s.enrolments.take(token)!)
  assert.equal(s.enrolments.take(token)?.name, 'web-1')
})

test('no file holds a token', async () => {
  await using s = await scene()
  const { token } = s.enrolments.makeToken(wish)
  const names = readdirSync(s.directory)
  assert(names.length > 0)
  for (const name of names) assert(!readFileSync(join(s.directory, name), 'latin1').includes(token), name)
})

test('an agent is found by user and id, and by a name while it is one agent alone', async () => {
  await using s = await scene()
  const agent = { user: 'agent-1', name: 'web', host: 'h', agentId: 'aaaaaaaa', enrolledAt: 1 }
  s.enrolments.add(agent)
  s.enrolments.add({ ...agent, user: 'agent-2', agentId: 'bbbbbbbb', enrolledAt: 2 })
  assert.equal(s.enrolments.find('web').length, 2)
  assert.deepEqual(
    s.enrolments.find('bbbbbbbb').map(({ user }) => user),
    ['agent-2'],
  )
  s.enrolments.remove('agent-1')
  assert.deepEqual(
    s.enrolments.find('web').map(({ user }) => user),
    ['agent-2'],
  )
})

test('an agent that was removed is known as removed, until its host joins again', async () => {
  await using s = await scene()
  const agent = { user: 'agent-1', name: 'web', host: 'h', agentId: 'aaaaaaaa', enrolledAt: 1 }
  s.enrolments.add(agent)
  s.enrolments.add({ ...agent, user: 'agent-2' })
  s.enrolments.remove('agent-1')
  assert.deepEqual(s.enrolments.removed(), [])
  s.enrolments.remove('agent-2')
  s.enrolments.remove('nobody')
  assert.deepEqual(s.enrolments.removed(), [{ agentId: 'aaaaaaaa', name: 'web', removedAt: 1_000_000 }])
  s.enrolments.add(agent)
  assert.deepEqual(s.enrolments.removed(), [])
})

test('one that never joined can be forgotten, and is expected again when it is heard of much later', async () => {
  await using s = await scene()
  assert.equal(s.enrolments.isRemoved('cccccccc', 1_000_000), false)
  s.enrolments.forget('cccccccc', 'here')
  assert.equal(s.enrolments.isRemoved('cccccccc', 1_060_000), true)
  assert.equal(s.enrolments.isRemoved('cccccccc', 1_060_001), false)
  s.enrolments.add({ user: 'agent-3', name: 'here', host: 'h', agentId: 'cccccccc', enrolledAt: 2 })
  assert.equal(s.enrolments.isRemoved('cccccccc', 0), false)
})

test('ten attempts of an address in a row, then one every six seconds; others are not held up by it', () => {
  const attempts = new Attempts()
  for (let index = 0; index < 10; index++) assert.equal(attempts.take('a', 0), null)
  assert.equal(attempts.take('a', 0), 6_000)
  assert.equal(attempts.take('b', 0), null)
  assert.equal(attempts.take('a', 6_000), null)
  assert.equal(attempts.take('a', 6_000), 6_000)
})

test('from however many addresses, a hundred a minute', () => {
  const attempts = new Attempts()
  const allowed = Array.from({ length: 5_000 }, (_, index) => attempts.take(`address-${index}`, 0))
  assert.equal(allowed.filter(waitMs => waitMs === null).length, 100)
})
