// Who may write for an agent when there are two of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AgentInstances, parseAgentName, silenceMs } from './agent-instances.ts'

const first = { agentId: 'a1', nonce: 'one' }
const second = { agentId: 'a1', nonce: 'two' }

test('parseAgentName() reads an agent id and a nonce, and nothing else', () => {
  assert.deepEqual(parseAgentName('tailrace-agent/a1/one'), first)
  for (const other of [
    '',
    'rdkafka',
    'tailrace-agent/',
    'tailrace-agent/a1',
    'tailrace-agent/a1/',
    'tailrace-agent//x',
  ]) {
    assert.equal(parseAgentName(other), null, other)
  }
})

test('admits() keeps a second instance out while the first has a connection', () => {
  const instances = new AgentInstances()
  const [socketA, socketB, socketC] = [{}, {}, {}]
  assert.equal(instances.admits(socketA, first, 0), true)
  assert.equal(instances.admits(socketB, first, 0), true)
  assert.equal(instances.admits(socketC, second, 1_000), false)
  assert.equal(instances.admits({}, { agentId: 'other', nonce: 'x' }, 1_000), true)
  instances.gone(socketA)
  assert.equal(instances.admits(socketC, second, 2_000), false)
  instances.gone(socketB)
  assert.equal(instances.admits(socketC, second, 3_000), true)
  assert.equal(instances.admits(socketA, first, 3_000), false)
})

test('a restart after a kill is admitted at once; a host that vanished is outwaited', () => {
  const instances = new AgentInstances()
  const dead = {}
  instances.admits(dead, first, 0)
  instances.gone(dead)
  assert.equal(instances.admits({}, second, 1), true)

  const silent = {}
  const other = new AgentInstances()
  other.admits(silent, first, 0)
  assert.equal(other.admits({}, second, silenceMs), false)
  assert.equal(other.admits({}, second, silenceMs + 1), true)
  assert.equal(
    other.admits(silent, first, silenceMs + 2),
    false,
    'the late socket of the dead agent is refused',
  )
})
