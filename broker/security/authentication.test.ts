// One connection's way from stranger to user: what may be asked before, how each mechanism ends, and that a session
// that is over has to be begun anew.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keysOf, ScramClient, saltPassword } from '../protocol/scram.ts'
import { loopbackIdentity, strangerIdentity } from './access.ts'
import { AuthenticatedSession, type SessionOptions } from './authentication.ts'

const salt = Buffer.from('salt of the test')
const iterations = 4_096
const salted = await saltPassword('sha512', 'lovelace', salt, iterations)
const known = keysOf('sha512', salted, salt, iterations)
const nobody = { ...known, storedKey: Buffer.alloc(64), serverKey: Buffer.alloc(64) }
const lifetimeMs = 1_000
const [produce, saslHandshake, apiVersions, saslAuthenticate] = [0, 17, 18, 36]

function session(options: Partial<SessionOptions> = {}, sessionLifetimeMs = lifetimeMs) {
  const realm = {
    keysOf: (user: string) => (user === 'ada' ? known : nobody),
    identityOf: (user: string) => ({ principal: `User:${user}`, access: strangerIdentity.access }),
    newNonce: () => 'server',
    sessionLifetimeMs,
  }
  return new AuthenticatedSession({ realm, host: 'h', isEncrypted: true, startsAs: null, ...options })
}

async function scram(one: AuthenticatedSession, user: string, nowMs = 0) {
  assert.equal(one.handshake('SCRAM-SHA-512'), 'none')
  const client = new ScramClient('sha512', user, 'client')
  const challenge = await one.authenticate(client.first(), nowMs)
  client.readChallenge(challenge.token)
  return one.authenticate(client.prove(salted), nowMs)
}

function plain(one: AuthenticatedSession, text: string) {
  assert.equal(one.handshake('PLAIN'), 'none')
  return one.authenticate(Buffer.from(text), 0)
}

test('mayAsk(): a stranger may ask for versions and to be let in, nothing else', async () => {
  const one = session()
  const allowed = Array.from({ length: 100 }, (_, key) => key).filter(key => one.mayAsk(key, 0))
  assert.deepEqual(allowed, [saslHandshake, apiVersions, saslAuthenticate])
  await scram(one, 'ada')
  assert.equal(one.mayAsk(produce!, 0), true)
  assert.equal(one.identity.principal, 'User:ada')
})

test('mayAsk(): after the lifetime of its session a client is a stranger, until it authenticates again', async () => {
  const one = session()
  assert.equal((await scram(one, 'ada', 5)).sessionLifetimeMs, lifetimeMs)
  assert.equal(one.mayAsk(produce!, 4 + lifetimeMs), true)
  assert.equal(one.mayAsk(produce!, 5 + lifetimeMs), false)
  assert.equal(one.mayAsk(saslHandshake!, 5 + lifetimeMs), true)
  await scram(one, 'ada', 6 + lifetimeMs)
  assert.equal(one.mayAsk(produce!, 7 + lifetimeMs), true)
})

test('a client of this machine is anonymous from the start, and may still say who it is', async () => {
  const one = session({ startsAs: loopbackIdentity, isEncrypted: false })
  assert.equal(one.mayAsk(produce!, 0), true)
  assert.equal(one.identity.principal, 'User:ANONYMOUS')
  assert.equal((await scram(one, 'ada')).error, 'none')
  assert.equal(one.identity.principal, 'User:ada')
})

test('PLAIN: only where the connection is encrypted, only the right password, only for oneself', async () => {
  assert.equal(session({ isEncrypted: false }).handshake('PLAIN'), 'unsupportedSaslMechanism')
  assert.equal((await plain(session(), '\0ada\0lovelace')).error, 'none')
  assert.equal((await plain(session(), 'ada\0ada\0lovelace')).error, 'none')
  const wrong = [
    '\0ada\0wrong',
    '\0bob\0lovelace',
    'bob\0ada\0lovelace',
    '\0tailrace\0lovelace',
    '\0ada',
    '',
    '\0\0',
  ]
  for (const text of [...wrong, '\0ada\0lovelace\0', `\0ada\0${'x'.repeat(5_000)}`]) {
    const one = session()
    assert.equal(
      (await plain(one, text)).error,
      'saslAuthenticationFailed',
      JSON.stringify(text.slice(0, 30)),
    )
    assert.deepEqual([one.hasFailed, one.mayAsk(produce!, 0)], [true, false])
  }
})

test('a conversation that fails leaves nobody let in, and says the same of an unknown user', async () => {
  const [one, other] = [session(), session()]
  const failures = [await scram(one, 'bob'), await plain(other, '\0ada\0wrong')]
  assert.deepEqual(
    failures.map(({ error }) => error),
    ['saslAuthenticationFailed', 'saslAuthenticationFailed'],
  )
  assert.equal(one.mayAsk(produce!, 0) || other.mayAsk(produce!, 0), false)
  assert.equal(one.identity, strangerIdentity)
})

test('a message without a handshake is an illegal state; an unknown mechanism is named as such', async () => {
  assert.equal((await session().authenticate(Buffer.from('n,,n=ada,r=x'), 0)).error, 'illegalSaslState')
  const one = session()
  assert.equal(one.handshake('GSSAPI'), 'unsupportedSaslMechanism')
  assert.deepEqual(one.mechanisms, ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'])
})
