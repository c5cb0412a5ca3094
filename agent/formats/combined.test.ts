// Access lines, good, odd and hostile: every row is a line and what must be read from it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyCombinedLine, parseCombined } from './combined.ts'

const into = emptyCombinedLine()

function parse(line: string | Buffer): Record<string, string | number> | null {
  // Framed by other bytes, as in a batch: a reader that runs over the edge shows.
  const bytes = Buffer.concat([Buffer.from('"x" 1 '), Buffer.from(line), Buffer.from(' "9" 200 7')])
  const end = bytes.length - 10
  if (!parseCombined(bytes, 6, end, into)) return null
  const text = (start: number, stop: number) => bytes.toString('utf8', start, stop)
  return {
    client: text(into.clientStart, into.clientEnd),
    time: new Date(into.timeMs).toISOString(),
    method: text(into.methodStart, into.methodEnd),
    path: text(into.pathStart, into.pathEnd),
    status: into.status,
    bytes: into.bytes,
    referrer: text(into.referrerStart, into.referrerEnd),
    agent: text(into.agentStart, into.agentEnd),
    ms: into.requestTimeMs,
  }
}

const time = '[24/Nov/2026:08:00:00 +0000]'
const from = `203.0.113.7 - - ${time}`
const agent = 'Mozilla/5.0 (X11)'
const usual = {
  client: '203.0.113.7',
  time: '2026-11-24T08:00:00.000Z',
  method: 'GET',
  path: '/products/42',
  status: 200,
  bytes: 5120,
  referrer: 'https://ref.example/',
  agent: 'Mozilla/5.0 (X11)',
  ms: 42,
}

const rows: [name: string, line: string, expected: Partial<typeof usual>][] = [
  [
    'every field there is',
    `${from} "GET /products/42?ref=x HTTP/1.1" 200 5120 "https://ref.example/" "${agent}" 0.042`,
    {},
  ],
  [
    'no request time',
    `${from} "GET /products/42 HTTP/1.1" 200 5120 "https://ref.example/" "${agent}"`,
    { ms: Number.NaN },
  ],
  [
    'common format',
    `${from} "GET /products/42 HTTP/1.1" 200 5120`,
    { referrer: '', agent: '', ms: Number.NaN },
  ],
  [
    'dashes',
    `${from} "GET /products/42 HTTP/1.1" 304 - "-" "-"`,
    { status: 304, bytes: 0, referrer: '', agent: '', ms: Number.NaN },
  ],
  [
    'IPv6 and a user with spaces and brackets',
    `2001:db8::1 - jo [x] do ${time} "POST /cart HTTP/2.0" 201 7 "-" "curl/8" 1.500`,
    {
      client: '2001:db8::1',
      method: 'POST',
      path: '/cart',
      status: 201,
      bytes: 7,
      referrer: '',
      agent: 'curl/8',
      ms: 1500,
    },
  ],
  [
    'Apache’s escaped quote',
    String.raw`${from} "GET /a\"b HTTP/1.1" 200 1 "-" "say \"hi\" 200 " 0.001`,
    { path: String.raw`/a\"b`, bytes: 1, referrer: '', agent: String.raw`say \"hi\" 200 `, ms: 1 },
  ],
  [
    'nginx’s escaped quote',
    String.raw`${from} "GET /a\x22b HTTP/1.1" 200 1 "-" "\x22"`,
    { path: String.raw`/a\x22b`, bytes: 1, referrer: '', agent: String.raw`\x22`, ms: Number.NaN },
  ],
  [
    'a TLS hello',
    String.raw`${from} "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03 \xE1" 400 150 "-" "-" 0.000`,
    { method: '', path: '', status: 400, bytes: 150, referrer: '', agent: '', ms: 0 },
  ],
  [
    'an empty request',
    `${from} "" 400 0 "-" "-"`,
    { method: '', path: '', status: 400, bytes: 0, referrer: '', agent: '', ms: Number.NaN },
  ],
  [
    'a dash for a request',
    `${from} "-" 408 - "-" "-"`,
    { method: '', path: '', status: 408, bytes: 0, referrer: '', agent: '', ms: Number.NaN },
  ],
  ['HTTP/0.9', `${from} "GET /products/42" 200 5120`, { referrer: '', agent: '', ms: Number.NaN }],
  [
    'a proxy’s absolute target',
    `${from} "GET http://shop.example/products/42?x HTTP/1.1" 200 5120`,
    { referrer: '', agent: '', ms: Number.NaN },
  ],
  [
    'an unescaped quote in the request',
    `${from} "GET /a"b HTTP/1.1" 200 5120`,
    { path: '/a"b', referrer: '', agent: '', ms: Number.NaN },
  ],
  [
    'another zone',
    `203.0.113.7 - - [24/Nov/2026:09:30:00 +0130] "GET /products/42 HTTP/1.1" 200 5120`,
    { referrer: '', agent: '', ms: Number.NaN },
  ],
  [
    'a carriage return',
    `${from} "GET /products/42 HTTP/1.1" 200 5120 "https://ref.example/" "${agent}" 0.042\r`,
    {},
  ],
  [
    'Apache’s %D is not a request time',
    `${from} "GET /products/42 HTTP/1.1" 200 5120 "https://ref.example/" "${agent}" 42000`,
    { ms: Number.NaN },
  ],
  [
    'more fields before the request time',
    `${from} "GET /products/42 HTTP/1.1" 200 5120 "https://ref.example/" "${agent}" "10.0.0.1" 0.042`,
    {},
  ],
  [
    'a script tag',
    `${from} "GET /<script>alert(1)</script> HTTP/1.1" 404 5120`,
    { path: '/<script>alert(1)</script>', status: 404, referrer: '', agent: '', ms: Number.NaN },
  ],
]

for (const [name, line, differs] of rows) {
  test(`parseCombined() reads ${name}`, () => assert.deepEqual(parse(line), { ...usual, ...differs }))
}

test('parseCombined() refuses what is not an access line', () => {
  for (const line of [
    '',
    ' ',
    'hello world',
    '{"timestamp":"2026-11-24T08:00:00Z"}',
    `203.0.113.7 - - ${time}`,
    `${from} "GET / HTTP/1.1"`,
    `${from} "GET / HTTP/1.1" 20`,
    `${from} "GET / HTTP/1.1" 2000 5`,
    `${from} "GET / HTTP/1.1" 200 five`,
    `203.0.113.7 - - [24/Nov/2026:08:00:00] "GET / HTTP/1.1" 200 5`,
    `203.0.113.7 - - [32/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 5`,
    `${from} "GET / HTTP/1.1 200 5`,
  ]) {
    assert.equal(parse(line), null, line)
  }
})

test('parseCombined() survives every cut and a thousand mutations of a good line', () => {
  const line = Buffer.from(rows[5]![1])
  for (let length = 0; length < line.length; length++) {
    assert.doesNotThrow(() => parse(line.subarray(0, length)))
  }
  let seed = 7
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  let parsed = 0
  for (let round = 0; round < 1000; round++) {
    const mutant = Buffer.from(line)
    for (let change = 0; change < 3; change++) mutant[random(mutant.length)] = random(256)
    if (parse(mutant)) parsed++
    assert.ok(into.pathStart <= into.pathEnd)
  }
  assert.ok(parsed > 100 && parsed < 1000, `${parsed} of 1000 mutants still parse`)
})
