// Ports of the demo: the first free ones, side by side, from the usual upwards.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { bannerText, commandName } from './banner.ts'
import { freeFrom } from './demo.ts'

test('freeFrom() passes over ports that are taken, and keeps them side by side', async () => {
  await using server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const found = await freeFrom(port - 1, 3)
  assert(found > port, `${found} lies beyond ${port}`)
  assert.equal(await freeFrom(0, 3), 0)
})

test('the banner ends with the link, and names three commands before', () => {
  const text = bannerText({
    data: {
      path: '/d',
      createdAt: '2026-11-24T00:00:00Z',
      fresh: true,
      keySeedPath: '/d/k',
      tokenPath: '/d/token',
    },
    ...{
      kafkaAddress: '127.0.0.1:9092',
      origin: 'http://127.0.0.1:8081',
      link: 'http://127.0.0.1:8081/login#t=x',
    },
    ...{ brokerPids: [1], inputs: [], demo: true, fleeting: true, version: '1.2.3', command: 'tailrace' },
  })
  assert.match(text, /\n {2}Open http:\/\/127\.0\.0\.1:8081\/login#t=x\n\n$/)
  assert.match(text, /version 1\.2\.3/)
  for (const words of ['top', 'tail logs', 'status']) {
    assert(text.includes(`tailrace ${words} --data /d --http-port 8081\n`), words)
  }
  assert.match(text, /nothing stays/)
})

test('the banner can be pasted, also where the data lies in a directory with a space', () => {
  const text = bannerText({
    data: {
      path: '/a b',
      createdAt: '2026-11-24',
      fresh: true,
      keySeedPath: '/a b/k',
      tokenPath: '/a b/token',
    },
    ...{ kafkaAddress: 'k:1', origin: 'http://127.0.0.1:8080', link: 'l', brokerPids: [1], inputs: [] },
    ...{ demo: false, version: '1.2.3', command: 'tailrace' },
  })
  assert(text.includes(`$(cat '/a b/token')`), text)
  assert(text.includes(`tailrace status --data '/a b'`), text)
  assert(text.includes('  data     /a b (created'), text)
})

test('commandName() is what a person types', () => {
  assert.equal(commandName('/usr/bin/tailrace'), 'tailrace')
  assert.equal(commandName('/home/me/tailrace/cli/tailrace.js'), 'node cli/tailrace.js')
})
