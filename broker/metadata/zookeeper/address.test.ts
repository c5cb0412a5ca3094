// What a ZooKeeper address may look like, and what is refused, with the reason.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isZookeeperAddress, parseZookeeperAddress } from './address.ts'

test('parseZookeeperAddress() reads servers, chroot, credentials and encryption', () => {
  assert.deepEqual(parseZookeeperAddress('zookeeper://h1:2181,h2:2182,10.0.0.3/prod/tailrace/'), {
    endpoints: [
      { host: 'h1', port: 2181 },
      { host: 'h2', port: 2182 },
      { host: '10.0.0.3', port: 2181 },
    ],
    chroot: '/prod/tailrace',
    isEncrypted: false,
    credentials: null,
  })
  assert.deepEqual(parseZookeeperAddress('zookeeper+tls://me:p%40ss:w@[::1]:2281'), {
    endpoints: [{ host: '::1', port: 2281 }],
    chroot: '/tailrace',
    isEncrypted: true,
    credentials: { user: 'me', password: 'p@ss:w' },
  })
})

test('parseZookeeperAddress() refuses what it cannot mean, and keeps the password to itself', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['http://h1', /must start with zookeeper/],
    ['zookeeper://', /"" is no host:port/],
    ['zookeeper://h1,,h2', /"" is no host:port/],
    ['zookeeper://h1:99999', /"h1:99999" is no host:port/],
    ['zookeeper://h1:0', /no host:port/],
    ['zookeeper://h1/a//b', /is no path/],
    ['zookeeper://h1/../x', /is no path/],
    ['zookeeper://h1/zookeeper', /servers' own/],
    ['zookeeper://me@h1', /user:password/],
    ['zookeeper://me:%zz@h1', /percent-encoded/],
  ]
  for (const [text, reason] of cases) assert.throws(() => parseZookeeperAddress(text), reason, text)
  assert.throws(
    () => parseZookeeperAddress('zookeeper://me:secret@h1:x'),
    error => !String(error).includes('secret'),
  )
})

test('isZookeeperAddress() tells it from the path of a file', () => {
  const texts = ['zookeeper://h1', 'zookeeper+tls://h1', '/var/zookeeper/metadata.db', 'zookeeper:/x']
  assert.deepEqual(texts.map(isZookeeperAddress), [true, true, false, false])
})
