// What may be opened without a guard, and what is said of the rest.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { bindTo, isLoopback, refuseOpenAddress } from './listen-address.ts'

test('only loopback addresses are served without TLS; the refusal says how to open a port', () => {
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '::1'])
    assert.equal(isLoopback(host), true, host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'shop.example', '127.0.0.1.example', '1127.0.0.1', '']) {
    const config = { exitCode: 78, message: /without TLS and authentication.*tailrace up --public HOST/ }
    assert.throws(() => refuseOpenAddress(host), config, host)
  }
})

test('a port that cannot be had is said with the flag that chooses another', async () => {
  const [taken, server] = [createServer(), createServer()]
  const port = await bindTo(taken, '127.0.0.1', 0, '--port')
  const refusal = { exitCode: 78, message: /taken by another process. Choose another with --port/ }
  await assert.rejects(bindTo(server, '127.0.0.1', port, '--port'), refusal)
  taken.close()
})
