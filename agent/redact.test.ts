// What is taken out of a line, and what is left alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RedactRule } from './line-rules.ts'
import { Redactor } from './redact.ts'

const everything: RedactRule = { cards: true, emails: true, addresses: true, tokens: true }

function redacted(line: string, rule: RedactRule = everything): string {
  const bytes = Buffer.from(`4111111111111111 a@b.cc ${line} a@b.cc 10.0.0.1`)
  const from = 24
  const end = bytes.length - 16
  const found = new Redactor(rule, 'secret').redact(bytes, from, end)
  return (found ?? bytes.subarray(from, end)).toString()
}

// biome-ignore format: a table
const rows: readonly (readonly [line: string, expected: string])[] = [
  ['pay 4111 1111 1111 1111 now', 'pay [card] now'],
  ['pay 4111-1111-1111-1111', 'pay [card]'],
  ['5500000000000004,378282246310005', '[card],[card]'],
  ['{"pan":4111111111111111,"s":"4111111111111111"}', '{"pan":"[card]","s":"[card]"}'],
  ['{"q":"a\\"b","pan":4111111111111111}', '{"q":"a\\"b","pan":"[card]"}'],
  ['order 4111111111111112 and 1234', 'order 4111111111111112 and 1234'],
  ['x4111111111111111 411111111111111x', 'x4111111111111111 411111111111111x'],
  ['0000000000000000', '0000000000000000'],
  ['mail ada.l+x@mail.example.org.', 'mail [email].'],
  ['/join?m=ada%40example.org&x', '/join?m=[email]&x'],
  ['jürgen@exämple.de <a@b.co>', 'jürgen@exämple.de <[email]>'],
  ['user@localhost @ a@', 'user@localhost @ a@'],
  ['203.0.113.77 - - [x]', '203.0.113.0 - - [x]'],
  ['from=10.1.2.3:8080, 1.2.3.4.5 256.1.1.1 v1.2.3', 'from=10.1.2.0:8080, 1.2.3.4.5 256.1.1.1 v1.2.3'],
  ['2001:db8:1:2:3:4:5:6 ::1 2001:db8::17', '2001:db8:1:: :: 2001:db8::'],
  ['at 08:00:00 and a::b() std::vector', 'at 08:00:00 and a::b() std::vector'],
  ['Authorization: Bearer abc.DEF-123_x== next', 'Authorization: Bearer [token] next'],
  ['authorization: basic dXNlcjpwYXNz', 'authorization: basic [token]'],
  ['a bearer of news', 'a bearer of news'],
  ['t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-1', 't=[token]'],
  ['{"m":"a\\nada@x.de\\t4111111111111111\\u000a203.0.113.7"}', '{"m":"a\\n[email]\\t[card]\\u000a203.0.113.0"}'],
  ['"\\x22203.0.113.7" C:\\4111111111111111', '"\\x22203.0.113.0" C:\\[card]'],
  ['/p?c=%3D4111111111111111&d=4111%201111%201111%201111', '/p?c=%3D[card]&d=[card]'],
  ['e=4111+1111+1111+1111', 'e=[card]'],
  ['{"time":1795507200123,"us":1795507200123454}', '{"time":1795507200123,"us":1795507200123454}'],
  ['{"c":2221000000000009}', '{"c":"[card]"}'],
  ['/p?m=%22ada%40x.de%22&i=%5B203.0.113.7', '/p?m=%22[email]%22&i=%5B203.0.113.0'],
  ['/p?a=Bearer+abcdefgh12', '/p?a=Bearer+[token]'],
  ['100%41 4111111111111111 5', '100%41 [card] 5'],
  ['nothing to see', 'nothing to see'],
  ['', ''],
]

for (const [line, expected] of rows) {
  test(`redact() makes ${JSON.stringify(expected)} of ${JSON.stringify(line)}`, () => {
    assert.equal(redacted(line), expected)
  })
}

test('a keyed hash is the same for the same secret however it is written, and another under another key', () => {
  const rule = { ...everything, replace: 'hash' as const }
  const one = redacted('4111 1111 1111 1111', rule)
  assert.match(one, /^\[card:[0-9a-f]{16}\]$/)
  assert.equal(redacted('4111-1111-1111-1111', rule), one)
  assert.equal(redacted('4111%201111+1111-1111', rule), one)
  const bytes = Buffer.from('4111111111111111')
  assert.notEqual(new Redactor(rule, 'other').redact(bytes, 0, 16)!.toString(), one)
})

test('patterns of users match bytes, also of letters beyond ASCII, and never run away', () => {
  const rule = { patterns: ['order-[0-9]+', 'naïve=[^ ]+', '(a+)+b'] }
  assert.equal(redacted('order-77 naïve=é x', rule), '[redacted] [redacted] x')
  const line = Buffer.from('a'.repeat(100_000))
  const started = process.cpuUsage()
  assert.equal(new Redactor(rule, '').redact(line, 0, line.length), null)
  assert.ok(process.cpuUsage(started).user < 5_000_000)
})

test('bytes that are no UTF-8 pass through unchanged', () => {
  const line = Buffer.from([0xff, 0x20, 0x61, 0x40, 0x62, 0x2e, 0x63, 0x63, 0x20, 0xfe, 0x00])
  const found = new Redactor({ emails: true }, '').redact(line, 0, line.length)!
  assert.deepEqual([found[0], found.at(-2), found.at(-1)], [0xff, 0xfe, 0])
  assert.equal(found.toString('latin1', 2, 9), '[email]')
})

test('no line is made longer without bound, and none takes more than linear time', () => {
  for (const part of [
    '1',
    '1 ',
    '@',
    'a@',
    '1.',
    ':',
    '::',
    'a:',
    'Bearer ',
    'eyJ',
    '"',
    '%40',
    'a@b.',
    '4-',
  ]) {
    const line = Buffer.from(part.repeat(100_000 / part.length))
    const started = process.cpuUsage()
    new Redactor(everything, '').redact(line, 0, line.length)
    assert.ok(process.cpuUsage(started).user < 2_000_000, part)
  }
})
