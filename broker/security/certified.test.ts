// Names of certificates as Kafka's default mapping has them, from the form in which Node lists a subject.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certifiedBy } from './certified.ts'

test('certifiedBy() writes the name most specific first, and knows a broker by its unit alone', () => {
  assert.deepEqual(certifiedBy('CN=ada'), { name: 'CN=ada', isBroker: false })
  assert.deepEqual(certifiedBy('C=AT\nO=Shop\\, Inc.\nCN=ada'), {
    name: 'CN=ada,O=Shop\\, Inc.,C=AT',
    isBroker: false,
  })
  assert.deepEqual(certifiedBy(undefined), { name: '', isBroker: false })
  assert.equal(certifiedBy('OU=tailrace-brokers\nCN=host').isBroker, true)
  for (const other of [
    'CN=OU=tailrace-brokers',
    'CN=x\\,OU=tailrace-brokers',
    'OU=tailrace-brokers2',
    'CN=x + OU=tailrace-brokers',
    'CN=x\\0AOU=tailrace-brokers',
  ]) {
    assert.equal(certifiedBy(other).isBroker, false, other)
  }
})
