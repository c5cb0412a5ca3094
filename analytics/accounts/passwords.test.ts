// Passwords: argon2id with its parameters beside it, the same cost for nobody, two at once and no endless queue.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProblemError } from '../queries/problem.ts'
import { hashPassword, isOutdated, passwordFault, verifyPassword } from './passwords.ts'

test('a password is kept as argon2id with parameters and salt, and verified by them', async () => {
  const stored = await hashPassword('correct horse')
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  assert.notEqual(await hashPassword('correct horse'), stored, 'each has a salt of its own')
  assert.equal(await verifyPassword('correct horse', stored), true)
  assert.equal(await verifyPassword('correct horsf', stored), false)
  assert.equal(await verifyPassword('correct horse', null), false)
  // One letter may be typed as one code point or as two.
  const composed = await hashPassword('caf\u00e9-au-lait')
  assert.equal(await verifyPassword('cafe\u0301-au-lait', composed), true)
})

test('RFC 9106 parameters of a stored one are obeyed, and raised later', async () => {
  // Made by the reference implementation: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1
  const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  assert.equal(await verifyPassword('password', reference), true)
  assert.equal(await verifyPassword('differentpassword', reference), false)
  assert.equal(isOutdated(reference), true)
  assert.equal(isOutdated(await hashPassword('correct horse')), false)
  for (const bad of ['', 'plain', reference.replace('m=65536', 'm=9999999'), reference.replace('2id', '2i')])
    await assert.rejects(verifyPassword('password', bad), /argon2id/)
})

test('what waits is bounded, and what was turned away leaves room afterwards', async () => {
  const stored = await hashPassword('correct horse')
  const tries = await Promise.allSettled(
    Array.from({ length: 24 }, () => verifyPassword('correct horse', stored)),
  )
  const refused = tries.filter(({ status }) => status === 'rejected')
  assert.equal(refused.length, 24 - 2 - 16)
  for (const one of refused)
    assert.ok(one.status === 'rejected' && one.reason instanceof ProblemError && one.reason.status === 503)
  assert.ok(tries.every(one => one.status === 'rejected' || one.value))
  assert.equal(await verifyPassword('correct horse', stored), true)
})

test('weak passwords are refused with the reason', () => {
  const rows: [password: string, fault: RegExp | null][] = [
    ['short', /10 characters/],
    ['x'.repeat(201), /200 characters/],
    ['aaaaaaaaaaaa', /repeats/],
    ['margarete-1', /little more than the name/],
    ['quiet-morning-7', null],
    ['🐎🐎🐎battery🐎🐎staple', null],
  ]
  for (const [password, fault] of rows) {
    const found = passwordFault(password, 'margarete')
    if (fault === null) assert.equal(found, null, password)
    else assert.match(found ?? '', fault)
  }
})
