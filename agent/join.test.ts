// The code that is pasted, and the file that is kept: what is damaged is said, and nothing of a secret with it.
import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { test } from 'node:test'
import { joinCode } from '../analytics/enrolment/enrolling.ts'
import { type Enrolment, enrolmentPath, readEnrolment, writeEnrolment } from './enrolment.ts'
import { parseJoinCode } from './join.ts'

const fields = {
  origin: 'https://shop.example:8443',
  fingerprint: 'ab'.repeat(32),
  token: 'token-1_2',
  expiresAt: 1_795_000_000_000,
}

const enrolment: Enrolment = {
  origin: fields.origin,
  name: 'web-1',
  bootstrap: ['shop.example:9192'],
  ca: '-----BEGIN CERTIFICATE-----',
  user: 'agent-1',
  password: 'canary-password',
  mechanism: 'SCRAM-SHA-512',
  keySeed: 'canary-seed',
}

test('a code is found alone and in the whole pasted line', () => {
  const code = joinCode(fields)
  assert.deepEqual(parseJoinCode(code), fields)
  assert.deepEqual(
    parseJoinCode(`curl -fsSk … | sha256sum -c - && echo ${code} | sudo sh x install\n`),
    fields,
  )
})

test('what is no code, or a part of one, is refused', () => {
  assert.throws(() => parseJoinCode('hello'), /There is no code in it/)
  assert.throws(() => parseJoinCode(joinCode(fields).slice(0, 60)), /cut short or altered/)
  assert.throws(() => parseJoinCode(joinCode({ ...fields, origin: 'http://plain' })), /cut short or altered/)
})

test('what was given is kept for its owner alone, and read again', async () => {
  await using directory = await mkdtempDisposable(joinPath(tmpdir(), 'enrolment-'))
  assert.equal(readEnrolment(directory.path), null)
  writeEnrolment(directory.path, enrolment)
  assert.deepEqual(readEnrolment(directory.path), enrolment)
  assert.equal(statSync(enrolmentPath(directory.path)).mode & 0o777, 0o600)
})

test('a damaged file is refused without a word of what is in it', async () => {
  await using directory = await mkdtempDisposable(joinPath(tmpdir(), 'enrolment-'))
  for (const text of [
    '{"password":"canary-password',
    JSON.stringify({ ...enrolment, mechanism: 'canary' }),
  ]) {
    writeFileSync(enrolmentPath(directory.path), text)
    assert.throws(
      () => readEnrolment(directory.path),
      (error: Error) => /it is damaged/.test(error.message) && !/canary/.test(error.message),
    )
  }
})
