// The agent as a process, fed by what is no file, and before a broker that takes everything and never answers.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type AgentScene, access, agentScene } from './agent-scene.ts'
import type { AgentConfig } from './config.ts'
import type { AgentDescription } from './description.ts'
import { countLines, shippedRecords } from './shipped-records.ts'
import type { StatusAddress } from './status-server.ts'

const main = new URL('main.ts', import.meta.url).pathname
const memoryMax = 128 * 1_048_576

async function startProcess(t: TestContext, config: AgentConfig): Promise<ChildProcess> {
  const environment = { ...process.env, TAILRACE_LOG: 'error' }
  const child = spawn(process.execPath, [main, JSON.stringify(config)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment,
  })
  // Also where the test fails.
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout!, 'data')
  return child
}

async function end(child: ChildProcess): Promise<void> {
  const exited = child.exitCode === null ? once(child, 'exit') : null
  child.kill('SIGTERM')
  await exited
}

async function describe({ data }: AgentScene): Promise<AgentDescription> {
  const { port, token } = JSON.parse(readFileSync(data('status.json'), 'utf8')) as StatusAddress
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`http://127.0.0.1:${port}/status`, { headers })
  return (await response.json()) as AgentDescription
}

test('standard input is sent to its last line, and the agent ends with it', async t => {
  await using scene = await agentScene()
  const config: AgentConfig = { ...scene.config, inputs: [], stdin: { format: 'raw', topic: 'logs' } }
  const child = await startProcess(t, config)
  const lines = Array.from({ length: 5_000 }, (_, index) => `from a pipe ${index}`)
  const exited = once(child, 'exit')
  child.stdin!.end(lines.join('\n'))
  const [code] = (await exited) as [number]
  assert.equal(code, 0)
  assert.deepEqual(scene.lines('logs').sort(), lines.sort())
})

test('statsd by UDP: what was written down is sent, and sent by the next agent after a kill', async t => {
  await using scene = await agentScene()
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  const config: AgentConfig = { ...scene.config, inputs: [], statsd: { port, topic: 'metrics' } }
  const first = await startProcess(t, config)
  const sender = createSocket('udp4')
  t.after(() => sender.close())
  const say = (text: string) => new Promise(resolve => sender.send(text, port, '127.0.0.1', resolve))
  await say('requests:1|c\nlatency:12|ms')
  await scene.until(() => scene.lines('metrics').length === 2)
  scene.broker.isSilent = true
  await say('requests:2|c')
  await scene.until(() => readFileSync(scene.data('spool/statsd.log'), 'utf8').includes('requests:2|c'))
  const exited = once(first, 'exit')
  first.kill('SIGKILL')
  await exited
  scene.broker.isSilent = false
  const second = await startProcess(t, config)
  // What was acknowledged just before the kill may come again, and is recognised.
  const counts = () => countLines(shippedRecords(scene.broker, 'metrics'))
  await scene.until(() => counts().size === 3)
  assert.deepEqual(Object.fromEntries(counts()), { 'requests:1|c': 1, 'latency:12|ms': 1, 'requests:2|c': 1 })
  await end(second)
})

test('before a broker that never answers, the agent stops reading: memory stays under its cap', async t => {
  await using scene = await agentScene()
  scene.broker.isSilent = true
  const block = Array.from({ length: 10_000 }, (_, index) => `${access(index)}\n`).join('')
  for (let index = 0; index < 8; index++) writeFileSync(scene.at(`${index}.log`), block.repeat(10))
  const child = await startProcess(t, { ...scene.config, watch: true })
  let state = await describe(scene)
  const deadline = Date.now() + 60_000
  while (state.unacknowledgedBytes < 8_000_000 && Date.now() < deadline) state = await describe(scene)
  assert(state.unacknowledgedBytes >= 8_000_000, `${state.unacknowledgedBytes} bytes wait`)
  // What was being read when it was enough comes in too; from then on nothing does.
  let linesRead = -1
  while (state.linesRead !== linesRead && Date.now() < deadline) {
    linesRead = state.linesRead
    await new Promise(resolve => setTimeout(resolve, 500))
    state = await describe(scene)
  }
  assert.equal(state.linesRead, linesRead, 'nothing more is read')
  assert(state.linesRead < 800_000)
  assert(state.rssBytes < memoryMax, `${state.rssBytes} bytes of memory`)
  t.diagnostic(`${(state.rssBytes / 1_048_576).toFixed(0)} MiB with ${linesRead} lines unacknowledged`)
  await end(child)
})

test('a topic it may not write to is waited for: a clear status, and no line lost', async () => {
  await using scene = await agentScene()
  scene.broker.topicErrors = { logs: 'topicAuthorizationFailed' }
  writeFileSync(scene.at('a.log'), `${access(1)}\n`)
  const agent = await scene.start()
  const expected = 'lines wait for the topic logs: this agent may not send to it (topicAuthorizationFailed)'
  await scene.until(() => agent.describe().errors.includes(expected))
  scene.broker.topicErrors = {}
  await scene.until(() => scene.lines('logs').length === 1)
  assert(!agent.describe().errors.includes(expected))
})
