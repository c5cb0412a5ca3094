// `tailrace users` against a broker: what a role allows and no more, one command line from adding to removing, and that
// connections end with the password or the user they were made with.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { Connection } from '../../broker/client/connection.ts'
import { passwordLogin } from '../../broker/client/login.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { addUser, changePassword, listUsers, type Role, removeUser } from '../../cli/users.ts'
import { batch, ServedBroker, topic, worstCode } from './served-broker.ts'

const served = ServedBroker.forThisFile()
const asker: Parameters<typeof addUser>[0] = {
  request: (api, body) => served.client.request(api, api.accepted[1], body),
}

function connect(name: string, password: string): Promise<Connection> {
  const login = passwordLogin(name, password)
  return Connection.open({ host: '127.0.0.1', port: served.broker.port, clientId: 'test', login })
}

const questions = {
  produce: (one: Connection) => {
    const topicData = [
      { name: topic, topicId: served.topicId, partitionData: [{ index: 0, records: batch('x') }] },
    ]
    return one.request(apis.produce, { acks: 1, timeoutMs: 5_000, topicData })
  },
  fetch: (one: Connection) => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
    return one.request(apis.fetch, { maxWaitMs: 0, topics: [{ topic, topicId: served.topicId, partitions }] })
  },
  group: (one: Connection) =>
    one.request(apis.offsetFetch, { groups: [{ groupId: 'readers', topics: null }] }),
  otherGroup: (one: Connection) =>
    one.request(apis.offsetFetch, { groups: [{ groupId: 'g', topics: null }] }),
  createTopic: (one: Connection) =>
    one.request(apis.createTopics, { topics: [{ name: topic, numPartitions: 1 }] }),
  users: (one: Connection) => one.request(apis.describeUserScramCredentials, { users: null }),
  follow: (one: Connection) => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
    const replicaState = { replicaId: 1, replicaEpoch: 1 }
    return one.request(apis.fetch, {
      replicaId: 1,
      replicaState,
      topics: [{ topic, topicId: served.topicId, partitions }],
    })
  },
}
type Question = keyof typeof questions

const mayDo: Readonly<Record<Role, readonly Question[]>> = {
  produce: ['produce'],
  consume: ['fetch', 'group'],
  admin: ['produce', 'fetch', 'group', 'otherGroup', 'createTopic', 'users'],
}

for (const [role, allowed] of Object.entries(mayDo) as [Role, readonly Question[]][]) {
  test(`the role ${role} allows ${allowed.join(', ')} and no more`, async () => {
    const name = `the-${role}`
    await addUser(asker, { name, password: 'secret' }, [{ role, topic: 'log*', group: 'readers' }])
    const connection = await connect(name, 'secret')
    const done: string[] = []
    for (const [question, ask] of Object.entries(questions)) {
      const error = errorName(worstCode(await ask(connection)))
      if (!/AuthorizationFailed$/.test(error)) done.push(question)
    }
    connection.close()
    assert.deepEqual(done, allowed)
  })
}

test('a user that is removed takes its rules with it, and a second one of the name is refused', async () => {
  const produce = [{ role: 'produce', topic, group: '*' }] as const
  await addUser(asker, { name: 'short', password: 'x' }, produce)
  await assert.rejects(
    addUser(asker, { name: 'short', password: 'y' }, []),
    /There is a user "short" already/,
  )
  assert.deepEqual(await removeUser(asker, 'short'), { rules: 3 })
  assert.equal(
    (await listUsers(asker)).some(({ name }) => name === 'short'),
    false,
  )
  await assert.rejects(connect('short', 'x'), /invalid credentials/)
  await assert.rejects(removeUser(asker, 'short'), /There is no user "short"/)
})

test('connections end with the password they were made with, and with their user', async () => {
  await addUser(asker, { name: 'ada', password: 'old' }, [])
  const [before, other] = [await connect('ada', 'old'), await connect('the-produce', 'secret')]
  await changePassword(asker, { name: 'ada', password: 'new' })
  await before.closed
  await assert.rejects(connect('ada', 'old'), /invalid credentials/)
  const after = await connect('ada', 'new')
  await removeUser(asker, 'ada')
  await after.closed
  assert.equal(other.isOpen, true, 'of other users they stay')
  other.close()
})

test('tailrace users: a password by standard input, the list as JSON', async () => {
  const args = [
    'users',
    'add',
    'bob',
    '--role',
    'produce',
    '--role',
    'consume',
    '--topic',
    'logs',
    '--password-stdin',
  ]
  assert.deepEqual(await tailrace(args, 'builder\n'), { name: 'bob' })
  const connection = await connect('bob', 'builder')
  assert.equal(worstCode(await questions.produce(connection)), 0)
  connection.close()
  const { users } = (await tailrace(['users', 'list'])) as { users: { name: string; rules: string[] }[] }
  assert.deepEqual(
    users.find(({ name }) => name === 'bob')?.rules.filter(rule => rule.includes('group')),
    ['allow read group *', 'allow describe group *'],
  )
})

async function tailrace(args: readonly string[], input = ''): Promise<unknown> {
  const launcher = join(import.meta.dirname, '../../cli/tailrace.js')
  const all = [launcher, ...args, '--bootstrap', served.broker.address, '--json']
  const child = spawn(process.execPath, all, {
    env: { ...process.env, TAILRACE_REEXECUTED: '1' },
    stdio: 'pipe',
  })
  child.stdin.end(input)
  const text = (stream: AsyncIterable<Buffer>) =>
    Array.fromAsync(stream).then(chunks => Buffer.concat(chunks).toString())
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  assert.equal(code, 0, errors)
  return JSON.parse(output)
}
