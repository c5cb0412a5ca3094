// The conversation byte for byte as the RFCs print it, and what either side must refuse.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { keysOf, ScramClient, type ScramHash, ScramServer, saltPassword } from './scram.ts'

interface Example {
  readonly source: string
  readonly hash: ScramHash
  readonly clientNonce: string
  readonly serverNonce: string
  readonly salt: string
  readonly clientProof: string
  readonly serverSignature: string
}

const examples: readonly Example[] = [
  {
    source: 'RFC 5802 section 5',
    hash: 'sha1',
    clientNonce: 'fyko+d2lbbFgONRv9qkxdawL',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    salt: 'QSXCR+Q6sek8bf92',
    clientProof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    serverSignature: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    source: 'RFC 7677 section 3',
    hash: 'sha256',
    clientNonce: 'rOprNGfwEbeRWgbNEkqO',
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    clientProof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    serverSignature: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
]

for (const { source, hash, clientNonce, serverNonce, salt, clientProof, serverSignature } of examples) {
  test(`both sides say what ${source} prints`, async () => {
    const client = new ScramClient(hash, 'user', clientNonce)
    const server = new ScramServer(hash, serverNonce)
    assert.equal(client.first().toString(), `n,,n=user,r=${clientNonce}`)
    assert.equal(server.userOf(client.first()), 'user')
    const salted = await saltPassword(hash, 'pencil', Buffer.from(salt, 'base64'), 4_096)
    const challenge = server.challenge(keysOf(hash, salted, Buffer.from(salt, 'base64'), 4_096))
    assert.equal(challenge.toString(), `r=${clientNonce}${serverNonce},s=${salt},i=4096`)
    assert.deepEqual(client.readChallenge(challenge), {
      salt: Buffer.from(salt, 'base64'),
      iterations: 4_096,
    })
    const proof = client.prove(salted)
    assert.equal(proof.toString(), `c=biws,r=${clientNonce}${serverNonce},p=${clientProof}`)
    const final = server.finish(proof)
    assert.equal(final?.toString(), `v=${serverSignature}`)
    client.verify(final!)
  })
}

const salt = Buffer.from('0123456789abcdef')

async function conversation(password: string, change: (proof: string) => string = text => text) {
  const client = new ScramClient('sha512', 'a=b,c', 'client')
  const server = new ScramServer('sha512', 'server')
  const user = server.userOf(client.first())
  const right = await saltPassword('sha512', 'right', salt, 4_096)
  client.readChallenge(server.challenge(keysOf('sha512', right, salt, 4_096)))
  const proof = client.prove(await saltPassword('sha512', password, salt, 4_096)).toString()
  return { client, user, final: server.finish(Buffer.from(change(proof))) }
}

test('SHA-512, and names with "," and "="', async () => {
  const { client, user, final } = await conversation('right')
  assert.equal(user, 'a=b,c')
  client.verify(final!)
})

test('finish() refuses a wrong password, another nonce, another binding, a proof cut short', async () => {
  assert.equal((await conversation('wrong')).final, null)
  const changes: ((proof: string) => string)[] = [
    proof => proof.replace('r=clientserver', 'r=otherclientserver'),
    proof => proof.replace('r=clientserver', 'r=server'),
    proof => proof.replace('c=biws', 'c=eSws'),
    proof => proof.replace(/p=.*/, 'p=AAAA'),
    proof => proof.replace(/,p=.*/, ''),
  ]
  for (const change of changes) assert.equal((await conversation('right', change)).final, null, `${change}`)
})

test("finish() takes the client's nonce twice, as older librdkafka sends it, and nothing else", async () => {
  const salt = Buffer.from('salt')
  const salted = await saltPassword('sha256', 'right', salt, 4_096)
  const keys = keysOf('sha256', salted, salt, 4_096)
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const finalFor = (nonce: string) => {
    const server = new ScramServer('sha256', 'server')
    assert.equal(server.userOf(Buffer.from('n,,n=user,r=client')), 'user')
    const withoutProof = `c=biws,r=${nonce}`
    const signature = hmac(keys.storedKey, `n=user,r=client,${server.challenge(keys)},${withoutProof}`)
    const proof = hmac(salted, 'Client Key').map((byte, at) => byte ^ signature[at]!)
    return server.finish(Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`))
  }
  assert.match(String(finalFor('clientserver')), /^v=/)
  assert.match(String(finalFor('clientclientserver')), /^v=/)
  for (const other of ['xclientserver', 'clientclientclientserver', 'server', '', 'clientserverx']) {
    assert.equal(finalFor(other), null, other)
  }
})

test('userOf() refuses channel binding, acting for another, bad escapes and no nonce', () => {
  for (const text of [
    'p=tls-unique,,n=user,r=x',
    'n,a=other,n=user,r=x',
    'n,,n=us=er,r=x',
    'n,,n=,r=x',
    'n,,n=user,r=',
    'n,,m=ext,n=user,r=x',
    '',
  ])
    assert.equal(new ScramServer('sha256', 's').userOf(Buffer.from(text)), null, text)
  assert.equal(new ScramServer('sha256', 's').userOf(Buffer.from('y,a=user,n=user,r=x')), 'user')
})

test('readChallenge() refuses few iterations, a flood of them, and a nonce that is not ours', () => {
  const client = new ScramClient('sha256', 'user', 'mine')
  for (const text of [
    'r=mineX,s=AAAA,i=4095',
    'r=mineX,s=AAAA,i=99999999',
    'r=X,s=AAAA,i=4096',
    'r=mine,s=AAAA,i=4096',
  ])
    assert.throws(() => client.readChallenge(Buffer.from(text)), Error, text)
})

test('verify() refuses a broker that only pretends', () => {
  const client = new ScramClient('sha256', 'user', 'mine')
  assert.throws(() => client.verify(Buffer.from('')))
  client.readChallenge(Buffer.from('r=mineX,s=AAAA,i=4096'))
  client.prove(Buffer.alloc(32))
  assert.throws(() => client.verify(Buffer.from('v=AAAA')))
  assert.throws(() => client.verify(Buffer.from('e=other-error')))
})
