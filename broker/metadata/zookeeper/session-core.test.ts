// Stories of one session: what the machine does when servers go, hang, answer late or not at all.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestAuth, errorCodes } from './protocol.ts'
import { Story } from './session-story.ts'

test('requests wait for the session, then leave in order, and answers settle them in order', () => {
  const story = new Story()
  story.take({ type: 'start' })
  story.read(1)
  story.write(2)
  story.accept()
  story.answer(1)
  story.answer(2, 5n, errorCodes.noAuth)
  story.notify('/a/b')
  assert.equal(
    story.told,
    `connect h1
send connect session 0 zxid 0
established anew
send 1 getData
send 2 multi
1 answered
2 noAuth
event /a/b`,
  )
})

test('a broken connection: the next server takes the session over, reads go again, a sent write is lost', () => {
  const story = Story.connected()
  story.read(1)
  story.write(2)
  story.read(3)
  story.answer(1, 41n)
  story.lose()
  story.write(4)
  story.pass(0)
  story.accept()
  assert.equal(
    story.told,
    `send 1 getData
send 2 multi
send 3 getData
1 answered
disconnect
interrupted: reset
2 lost: reset
connect h2
send connect session 7 zxid 41 password
established again
send 4 getData
send 5 multi`,
  )
})

test('a write is sent once: neither a break nor a late answer nor time brings it back', () => {
  const story = Story.connected()
  story.write(1, 500)
  story.pass(499)
  story.pong()
  story.pass(1)
  assert.match(story.told, /^send 1 multi\n(send ping\n)*1 lost: no answer in time\nsend ping$/)
  story.read(2)
  story.answer(1)
  story.answer(2)
  assert.equal(story.told, 'send 2 getData\n2 answered')
  story.write(3)
  story.lose()
  for (let n = 0; n < 5; n++) {
    story.pass(0)
    story.accept()
    story.lose()
  }
  assert.equal(story.told.split('\n').filter(line => line.includes('multi')).length, 1)
})

test('a write that found no server in its time is never sent', () => {
  const story = Story.connected()
  story.lose()
  story.write(1, 300)
  story.pass(400)
  story.accept()
  assert.equal(
    story.told,
    `disconnect
interrupted: reset
connect h2
1 unsent: not connected in time (reset)
send connect session 7 zxid 0 password
established again`,
  )
})

test('an expired session is over: what waits is not sent, and nothing is sent any more', () => {
  const story = Story.connected({ beatPath: '/root' })
  assert.equal(story.validForMs, 6_000)
  story.lose()
  story.read(1)
  story.write(2)
  story.pass(0)
  story.accept(0, 0n)
  story.write(3)
  story.lose()
  story.pass(60_000)
  assert.equal(
    story.told,
    `disconnect
interrupted: reset
connect h2
send connect session 7 zxid 0 password
disconnect
1 unsent: the session is over (expired)
2 unsent: the session is over (expired)
ended: expired
3 unsent: the session is over (expired)`,
  )
  assert.equal(story.validForMs, Number.NEGATIVE_INFINITY)
})

test('the session is valid from the sending of the last beat that was answered', () => {
  const story = Story.connected({ beatPath: '/root' })
  story.pass(1_000)
  assert.deepEqual([story.told, story.validForMs], ['send 1 sync', 5_000])
  story.pass(400)
  story.pong()
  assert.equal(story.validForMs, 4_600, 'a ping shows that a member lives, not that the leader knows of us')
  story.answer(1)
  assert.equal(story.validForMs, 5_600)
  story.pass(600)
  assert.match(story.told, /(send ping\n)*send 2 sync$/)
  story.lose()
  assert.equal(story.validForMs, 5_000, 'a broken connection takes nothing away')
  story.pass(5_001)
  assert(story.validForMs < 0, 'and nobody must say that it is over')
})

test('without a beat path pings are the beats', () => {
  const story = Story.connected()
  story.pass(1_000)
  story.pass(500)
  assert.deepEqual([story.told, story.validForMs], ['send ping', 4_500])
  story.pong()
  assert.equal(story.validForMs, 5_500)
})

test('a process that was stopped knows at once that its session may be over', () => {
  const story = Story.connected({ beatPath: '/root' })
  story.now += 12_000
  assert(story.validForMs < 0)
})

test('while a request is outstanding a ping goes every 100 ms, and none when nothing is', () => {
  const story = Story.connected()
  story.write(1)
  for (let n = 0; n < 3; n++) {
    story.pass(100)
    story.pong()
  }
  assert.equal(story.told, 'send 1 multi\nsend ping\nsend ping\nsend ping')
  story.answer(1)
  story.pass(500)
  assert.equal(story.told, '1 answered')
})

test('a server that says nothing for a third of the lease is left', () => {
  const story = Story.connected()
  story.pass(1_000)
  story.pass(1_999)
  assert.equal(story.told, 'send ping\nsend ping')
  story.pass(1)
  assert.equal(
    story.told,
    `disconnect
interrupted: the server has said nothing for a third of the lease
connect h2`,
  )
})

test('a member that answers pings and no beats has lost its leader, and is left', () => {
  const story = Story.connected({ beatPath: '/root' })
  for (let passed = 0; passed < 2_900; passed += 100) {
    story.pass(100)
    story.pong()
  }
  assert.match(story.told, /^send 1 sync\n(send ping\n?)+$/)
  story.pass(100)
  assert.match(story.told, /interrupted: the server answers, but not for its leader\nconnect h2$/)
})

test('servers are tried in turn; after each round of all in vain the wait grows', () => {
  const story = new Story()
  story.take({ type: 'start' })
  const tries: string[] = []
  for (let n = 0; n < 9; n++) {
    const from = story.now
    story.lose('refused')
    while (!story.state.phase.startsWith('connecting')) story.pass(50)
    tries.push(`${story.told.split(' ').at(-1)} after ${story.now - from}`)
  }
  assert.deepEqual(tries, [
    'h2 after 50',
    'h3 after 50',
    'h1 after 100',
    'h2 after 50',
    'h3 after 50',
    'h1 after 200',
    'h2 after 50',
    'h3 after 50',
    'h1 after 400',
  ])
})

test('a server that accepts and then grants nothing is left for the next, with more patience each round', () => {
  const story = new Story()
  story.take({ type: 'start' })
  const patience: number[] = []
  for (let n = 0; n < 10; n++) {
    story.take({ type: 'connected' })
    const from = story.now
    const { endpoint } = story.state
    while (story.state.endpoint === endpoint) story.pass(50)
    patience.push(story.now - from)
  }
  assert.deepEqual(patience, [1_000, 1_000, 1_100, 1_000, 1_000, 1_200, 2_000, 2_000, 2_400, 4_000])
})

test('what means something on one connection only fails with it', () => {
  const story = Story.connected()
  story.watch(1)
  story.lose()
  story.watch(2)
  assert.equal(
    story.told,
    'send 1 getData\ndisconnect\ninterrupted: reset\n1 lost: reset\n2 unsent: not connected',
  )
})

test('authentication comes first on every connection; refused, it ends the session', () => {
  const story = new Story({ authentication: [digestAuth('user', 'secret')] })
  story.read(1)
  story.take({ type: 'start' })
  story.accept()
  story.answer(-4)
  story.lose()
  story.pass(0)
  story.accept()
  story.answer(-4, 0n, errorCodes.authFailed)
  assert.equal(
    story.told,
    `connect h1
send connect session 0 zxid 0
send auth
established anew
send 1 getData
disconnect
interrupted: reset
connect h2
send connect session 7 zxid 0 password
send auth
established again
send 2 getData
disconnect
1 lost: authentication refused: authFailed
ended: authentication refused: authFailed`,
  )
})

test('an answer that was not asked for, or makes no sense, drops the connection and nothing else', () => {
  for (const frame of [Buffer.from('000000630000000000000000000000', 'hex'), Buffer.alloc(3)]) {
    const story = Story.connected()
    story.read(1)
    story.take({ type: 'frame', frame })
    story.pass(0)
    assert.match(story.told, /^send 1 getData\ndisconnect\ninterrupted: Cannot .*\nconnect h2$/)
  }
})

test('closing tells the servers, behind all that was asked before', () => {
  const story = Story.connected({ beatPath: '/root' })
  story.pass(1_000)
  story.write(1)
  story.take({ type: 'close' })
  story.write(2)
  story.answer(1)
  story.answer(2)
  story.answer(3)
  assert.equal(
    story.told,
    `send 1 sync
send 2 multi
send 3 closeSession
2 unsent: the session is over (closed)
1 answered
disconnect
ended: closed`,
  )
})

test('closing waits a second for servers that do not answer', () => {
  const story = Story.connected()
  story.take({ type: 'close' })
  story.pass(999)
  assert.equal(story.told, 'send 1 closeSession')
  story.pass(1)
  assert.equal(story.told, 'disconnect\nended: closed')
})
