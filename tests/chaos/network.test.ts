// The network of namespaces: losses in one direction, links down, and nothing of it left when it is closed. Skipped,
// and said so, where the machine does not allow it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { Network } from './network.ts'

test('what is blocked or unplugged is lost without a word, and comes through when it is healed', async context => {
  const home = readlinkSync('/proc/self/ns/net')
  const network = await Network.open(['one', 'other'])
  if (typeof network === 'string') return context.skip(network)
  try {
    network.enter('one')
    assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), home)
    const server = createServer(socket => socket.pipe(socket).on('error', () => {}))
    await once(server.listen(9_000, network.address('one')), 'listening')
    network.enter('other')
    const socket = connect(9_000, network.address('one'))
    await once(socket, 'connect')
    const echo = async (text: string) => {
      socket.write(text)
      const [bytes] = await once(socket, 'data')
      return String(bytes)
    }
    assert.equal(await echo('before'), 'before')
    for (const [name, cut] of Object.entries({
      'one way': () => network.block('one', 'other'),
      unplugged: () => network.unplug('other'),
    })) {
      cut()
      const late = new Promise(resolve => setTimeout(resolve, 150, 'nothing'))
      const answer = echo(name)
      assert.equal(await Promise.race([answer, late]), 'nothing', name)
      network.heal()
      assert.equal(await answer, name)
    }
    socket.destroy()
    server.close()
  } finally {
    network.close()
  }
  assert.equal(readlinkSync('/proc/thread-self/ns/net'), home)
})

test('its namespaces have no names, so that there is nothing to be left behind', async context => {
  const network = await Network.open(['one'])
  if (typeof network === 'string') return context.skip(network)
  const named = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  const [, at] = network.command('one')
  const path = at!.replace('--net=', '')
  assert.match(readlinkSync(path), /^net:/)
  network.close()
  assert.equal(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }), named)
  while (isThere(path)) await new Promise(resolve => setTimeout(resolve, 10))
})

function isThere(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('net:')
  } catch {
    return false
  }
}
