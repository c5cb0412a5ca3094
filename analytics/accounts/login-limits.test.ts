// Tries to sign in: per address, per account at an address, per account from everywhere; nobody locks the owner out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoginLimits, loginRates, networkOf } from './login-limits.ts'

const now = Date.parse('2026-11-24T08:00:00Z')

function triesUntilRefused(limits: LoginLimits, address: (index: number) => string, account: string): number {
  for (let index = 0; index < 1_000; index++) {
    if (limits.take(address(index), account, now) > 0) return index
  }
  return 1_000
}

test('an account may be tried so often from an address, and again after a while', () => {
  const limits = new LoginLimits()
  const { most, refillMs } = loginRates.accountAtAddress
  assert.equal(
    triesUntilRefused(limits, () => '198.51.100.7', 'ada'),
    most,
  )
  assert.equal(limits.take('198.51.100.7', 'ada', now + refillMs / most), 0)
  assert.equal(limits.take('198.51.100.8', 'ada', now), 0, 'another address')
})

test('an address may try so often, whichever names it makes up', () => {
  const limits = new LoginLimits()
  let tries = 0
  while (tries < 1_000 && limits.take('198.51.100.7', `name-${tries}`, now) === 0) tries++
  assert.equal(tries, loginRates.address.most)
})

test('many addresses together are bounded, and the owner still gets in from where it did before', () => {
  const limits = new LoginLimits()
  assert.equal(limits.take('192.0.2.1', 'ada', now), 0)
  limits.succeeded('192.0.2.1', 'ada')
  assert.equal(
    triesUntilRefused(limits, index => `198.51.100.${index}`, 'ada'),
    loginRates.account.most,
  )
  assert.ok(limits.take('203.0.113.9', 'ada', now) > 0)
  assert.equal(limits.take('192.0.2.1', 'ada', now), 0)
})

test('what succeeds costs nothing', () => {
  const limits = new LoginLimits()
  for (let index = 0; index < 200; index++) {
    assert.equal(limits.take('192.0.2.1', 'ada', now), 0)
    limits.succeeded('192.0.2.1', 'ada')
  }
})

test('whoever has one IPv6 address has its /64', () => {
  const rows = [
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:1::9', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ]
  for (const [address, network] of rows) assert.equal(networkOf(address!), network)
})
