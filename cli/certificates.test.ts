// What the private authority makes, when it makes it anew, and that keys are their owner's alone.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempDisposable, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureCertificates, issueClientCertificate } from './certificates.ts'

const nowMs = Date.UTC(2026, 10, 24)
const dayMs = 86_400_000

test('certificates stay as long as they are good, and are made anew in time or for another host', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'certificates-'))
  const serialAt = async (atMs: number, ...hosts: string[]) => {
    const { server } = await ensureCertificates(directory.path, hosts, atMs)
    return new X509Certificate(await readFile(server)).serialNumber
  }
  const first = await serialAt(nowMs, 'a.example')
  const authority = await readFile(join(directory.path, 'ca.pem'), 'utf8')
  assert.equal(await serialAt(nowMs + 59 * dayMs, 'a.example'), first)
  const renewed = await serialAt(nowMs + 61 * dayMs, 'a.example')
  assert.notEqual(renewed, first)
  const other = await serialAt(nowMs + 61 * dayMs, 'b.example', '10.0.0.1', 'fd00::1')
  assert.notEqual(other, renewed)
  assert.equal(await serialAt(nowMs + 61 * dayMs, '10.0.0.1'), other, 'what covers more does')
  assert.equal(
    await readFile(join(directory.path, 'ca.pem'), 'utf8'),
    authority,
    'clients keep what they have',
  )
  const files = await ensureCertificates(directory.path, ['10.0.0.1'], nowMs + 61 * dayMs)
  const certificate = new X509Certificate(await readFile(files.server))
  assert.equal(certificate.checkIP('fd00::1') ?? certificate.checkIP('FD00:0:0:0:0:0:0:1'), 'fd00::1')
  assert.equal(certificate.verify(new X509Certificate(authority).publicKey), true)
  assert.deepEqual([certificate.ca, new X509Certificate(authority).ca], [false, true])
  assert.equal(files.fingerprint, new X509Certificate(authority).fingerprint256)
  for (const name of ['ca.key', 'server.pem']) {
    assert.equal((await stat(join(directory.path, name))).mode & 0o777, 0o600, name)
  }
})

test('an authority without its key, or that has expired, is not replaced in silence', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'certificates-'))
  await ensureCertificates(directory.path, ['a.example'], nowMs)
  const late = nowMs + 3_651 * dayMs
  await assert.rejects(ensureCertificates(directory.path, ['a.example'], late), /has expired/)
  await rm(join(directory.path, 'ca.key'))
  await assert.rejects(ensureCertificates(directory.path, ['a.example'], nowMs), /ca\.key is missing/)
})

test('a client certificate has the name it was asked for and no unit, whatever the name looks like', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'certificates-'))
  const { certificate } = await issueClientCertificate(directory.path, 'eve\nOU=tailrace-brokers', nowMs)
  assert.equal(new X509Certificate(certificate).subject.split('\n').length, 1)
})
