// The table of places a webhook may not lead, however they are written.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AllowedTargets, embeddedIPv4, isTarget } from './address-guard.ts'

test('AllowedTargets refuses everything that is not the public internet', () => {
  const none = new AllowedTargets([])
  const closed = [
    ...['127.0.0.1', '127.1.2.3', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    ...['169.254.169.254', '169.254.0.1', '100.64.0.1', '100.100.100.200', '192.0.0.192', '198.18.0.1'],
    ...['224.0.0.1', '239.1.1.1', '255.255.255.255', '240.0.0.1', '203.0.113.7'],
    ...[
      '::',
      '::1',
      'fe80::1',
      'fe80::1%eth0',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
      '2001:db8::1',
      'fec0::1',
    ],
    ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:0:127.0.0.1', '::127.0.0.1'],
    ...[
      '64:ff9b::127.0.0.1',
      '64:ff9b::a9fe:a9fe',
      '64:ff9b:1::1',
      '2002:7f00:1::',
      '2002:a9fe:a9fe::1',
      '2001:0:1::1',
    ],
    ...['', 'localhost', '127.0.0.1.', '0x7f000001', '2130706433', '127.1'],
  ]
  for (const address of closed) assert.notEqual(none.refusal('hooks.example', address), null, address)
  const open = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '172.15.0.1', '192.169.0.1', '100.128.0.1', '11.0.0.1']
  const open6 = ['2606:4700::1111', '2a00:1450::1', '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1']
  for (const address of [...open, ...open6])
    assert.equal(none.refusal('hooks.example', address), null, address)
  assert.match(none.refusal('hooks.example', '10.0.0.1')!, /hooks.example is 10.0.0.1.*webhookAllow/)
})

test('the settings open an address, a network or a name, and no more', () => {
  const some = new AllowedTargets(['10.0.0.5', '192.168.1.0/24', 'Alerts.internal', 'fd00::/8'])
  const rows: [name: string, address: string, isOpen: boolean][] = [
    ['a', '10.0.0.5', true],
    ['a', '::ffff:10.0.0.5', true],
    ['a', '10.0.0.6', false],
    ['a', '192.168.1.77', true],
    ['a', '192.168.2.1', false],
    ['a', 'fd12::1', true],
    ['alerts.internal', '127.0.0.1', true],
    ['evil.alerts.internal', '127.0.0.1', false],
  ]
  for (const [name, address, isOpen] of rows)
    assert.equal(some.refusal(name, address) === null, isOpen, `${name} ${address}`)
})

test('embeddedIPv4() finds the address inside, in every spelling', () => {
  assert.equal(embeddedIPv4('::ffff:1.2.3.4'), '1.2.3.4')
  assert.equal(embeddedIPv4('0:0:0:0:0:ffff:102:304'), '1.2.3.4')
  assert.equal(embeddedIPv4('64:ff9b::1.2.3.4'), '1.2.3.4')
  assert.equal(embeddedIPv4('2002:102:304::'), '1.2.3.4')
  assert.equal(embeddedIPv4('2606:4700::1111'), null)
  assert.equal(embeddedIPv4('1.2.3.4'), null)
})

test('isTarget() takes addresses, networks and names', () => {
  for (const text of ['10.0.0.5', '10.0.0.0/8', '::1', 'fd00::/8', 'hooks', 'a.b-c.example'])
    assert.equal(isTarget(text), true, text)
  for (const text of ['', '10.0.0.0/33', 'fd00::/129', 'http://x', 'a/b', '10.0.0.0/8/9', '-x', '*.example'])
    assert.equal(isTarget(text), false, text)
})
