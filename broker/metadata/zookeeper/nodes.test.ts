// Keys to names of nodes and back, and the entry that two nodes make.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Version } from '../store.ts'
import { encodeData, entryOf, keyOfName, keyOfPath, nameOfKey, parseVersion, versionOf } from './nodes.ts'

const nonce = 'abcdefghijklmno_'
const stat = { czxid: 5n, mzxid: 9n, version: 3, ephemeralOwner: 0n, childCount: 1 }

test('every key has a name of its own that ZooKeeper accepts, and comes back from it', () => {
  const keys = [
    '',
    '.',
    '..',
    '...',
    'a',
    'a/b',
    'a:b',
    'a%b',
    'é/ü',
    'a b',
    '😀',
    '\u0001',
    'brokers/ids/1',
    '%',
    '/',
  ]
  const names = keys.map(nameOfKey)
  assert.equal(new Set(names).size, keys.length)
  for (const name of names) assert.match(name, /^(?!\.{1,2}$)[\w.:%-]+$/)
  assert.deepEqual(names.map(keyOfName), keys)
  assert.equal(nameOfKey('brokers/ids/1'), 'brokers:ids:1')
})

test('a name that no key has is nobody’s', () => {
  assert.deepEqual(['%zz', '%61', 'a b', '%C3'].map(keyOfName), [null, null, null, null])
})

test('keyOfPath() finds the key of a node and of its marker, and of nothing else', () => {
  const paths = ['/root/a:b', '/root/a:b/abc', '/root', '/rootless/a', '/']
  assert.deepEqual(
    paths.map(path => keyOfPath('/root', path)),
    ['a/b', 'a/b', null, null, null],
  )
})

test('an entry is a node with a marker below it; without one it is absent', () => {
  const data = encodeData(nonce, Buffer.from('value'))
  assert.deepEqual(entryOf('a', data, stat), {
    key: 'a',
    value: Buffer.from('value'),
    version: `${nonce}.3`,
    position: 9n,
  })
  assert.equal(entryOf('a', data, { ...stat, childCount: 0 }), null)
  assert.equal(entryOf('a', Buffer.from('made by somebody else'), stat), null)
  assert.equal(entryOf('a', Buffer.alloc(0), stat), null)
})

test('a version is read back, and one of another store is not', () => {
  assert.deepEqual(parseVersion(versionOf(nonce, 7)), { nonce, nodeVersion: 7 })
  for (const version of ['7', '', `${nonce}.`, `${nonce}.x`, `x${nonce}.1`]) {
    assert.equal(parseVersion(version as Version), null)
  }
})
