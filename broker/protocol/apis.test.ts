// Every API at every version we accept: bodies of all sorts go out, come back equal, and go out the same again.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { accepts, apiByKey, apis, everyVersion } from './apis.ts'
import { arbitraryBody, defaultBody, seededRandom } from './arbitrary-body.ts'
import { Reader, Writer } from './bytes.ts'
import type { AnyMessage } from './fields.ts'

const seeds = 4

function encoded(message: AnyMessage, version: number, body: object): Buffer {
  const writer = new Writer(1)
  message.encode(writer, version, body)
  return Buffer.from(writer.view())
}

function decoded(message: AnyMessage, version: number, bytes: Buffer): object {
  const reader = new Reader(bytes)
  const body = message.decode(reader, version)
  assert.equal(reader.remaining, 0, `${message.name} v${version} is read to its end`)
  return body
}

test('every message of every version survives the way out and back, and encodes the same twice', () => {
  let bodies = 0
  for (const { api, version } of everyVersion()) {
    for (const message of [api.request, api.response]) {
      for (let seed = 1; seed <= seeds; seed++) {
        const body = arbitraryBody(message, version, seededRandom(seed * 1000 + api.key * 20 + version))
        const bytes = encoded(message, version, body)
        const back = decoded(message, version, bytes)
        const label = `${message.name} v${version}, seed ${seed}`
        assert.deepEqual(back, body, label)
        assert.deepEqual(encoded(message, version, back), bytes, `${label}, encoded again`)
        bodies++
      }
    }
  }
  assert.equal(bodies, [...everyVersion()].length * 2 * seeds)
})

test('every message of every version writes an empty body as its defaults', () => {
  for (const { api, version } of everyVersion()) {
    for (const message of [api.request, api.response]) {
      const back = decoded(message, version, encoded(message, version, {}))
      assert.deepEqual(back, defaultBody(message), `${message.name} v${version}`)
    }
  }
})

test('every version of a message decodes to the same keys in the same order', () => {
  for (const { api, version } of everyVersion()) {
    for (const message of [api.request, api.response]) {
      const body = decoded(message, version, encoded(message, version, {}))
      assert.deepEqual(Object.keys(body), Object.keys(message.fields), `${message.name} v${version}`)
    }
  }
})

test('the table covers the APIs of brokers with groups and reassignment, each advertised no less than accepted', () => {
  assert.deepEqual(
    Object.values(apis).map(api => api.key),
    [
      0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 29, 30, 31, 32, 33, 35, 36,
      37, 42, 43, 44, 45, 46, 47, 50, 51, 60, 61, 64, 74,
    ],
  )
  for (const api of Object.values(apis)) {
    assert.equal(apiByKey(api.key), api)
    assert.equal(api.request.name, `${api.name}Request`)
    assert.equal(api.response.name, `${api.name}Response`)
    assert.equal(api.request.flexible, api.response.flexible, api.name)
    const wider = api.advertised[0] !== api.accepted[0] || api.advertised[1] !== api.accepted[1]
    assert.equal(wider, api.reason !== undefined, `${api.name} says why it advertises what it refuses`)
    assert.ok(api.advertised[0] <= api.accepted[0] && api.advertised[1] === api.accepted[1])
  }
  assert.equal(apiByKey(4), undefined)
  assert.deepEqual(
    [accepts(apis.produce, 2), accepts(apis.produce, 3), accepts(apis.produce, 14)],
    [false, true, false],
  )
})

test('docs/wire.md lists these APIs, versions and first flexible versions', () => {
  const page = readFileSync(new URL('../../docs/wire.md', import.meta.url), 'utf8')
  const listed = [...page.matchAll(/^\| (\d+) \| (\w+) \| (\d+)–(\d+) \| (\d+|never) \|$/gm)].map(row =>
    row.slice(1),
  )
  const actual = Object.values(apis).map(api =>
    [api.key, api.name, ...api.accepted, api.flexible === Infinity ? 'never' : api.flexible].map(String),
  )
  assert.deepEqual(listed, actual)
})
