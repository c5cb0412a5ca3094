// SIGHUP under load: another configuration is taken over, a broken one is not, and every line is sent once. The agent
// is started as a person starts it.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { agentScene } from '../../agent/agent-scene.ts'
import { readAgent } from '../../cli/agent-status.ts'
import { eventually } from '../eventually.ts'

const launcher = join(import.meta.dirname, '../../cli/tailrace.js')

test('reloads while lines are written: another input, a broken file, the same again; every line once', async t => {
  await using scene = await agentScene()
  const settings = scene.at('../agent.yaml')
  const write = (...names: string[]) => {
    const inputs = names.map(name => `  - { paths: ['${scene.at(name)}'], format: raw, topic: logs }\n`)
    writeFileSync(`${settings}.new`, `hostMetrics: false\ninputs:\n${inputs.join('')}`)
    renameSync(`${settings}.new`, settings)
  }
  write('a.log')
  const data = scene.at('../node')
  const where = ['--config', settings, '--data', data, '--bootstrap', `127.0.0.1:${scene.broker.port}`]
  const agent: ChildProcess = spawn(process.execPath, [launcher, 'agent', ...where], {
    env: { ...process.env, TAILRACE_REEXECUTED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => agent.kill('SIGKILL'))
  let said = ''
  agent.stderr!.on('data', (chunk: Buffer) => {
    said += chunk
  })
  await once(agent.stdout!, 'data')
  let written = 0
  const timer = setInterval(() => {
    for (const name of ['a.log', 'b.log']) appendFileSync(scene.at(name), `${name} ${written++}\n`)
  }, 5)
  t.after(() => clearInterval(timer))
  const times = (text: string) => said.split(text).length - 1
  const reload = async (expected: string) => {
    const before = times(expected)
    agent.kill('SIGHUP')
    await eventually(
      expected,
      () => Promise.resolve(times(expected)),
      count => count > before,
    )
  }
  await scene.until(() => scene.lines('logs').length > 0)
  write('a.log', 'b.log')
  await reload('the configuration was taken over')
  await scene.until(() => scene.lines('logs').some(line => line.startsWith('b.log')))
  writeFileSync(settings, 'inputs: [ { pathes: [x] } ]\n')
  await reload('the old configuration stays')
  assert.match(said, /Unknown setting .*pathes.*did you mean .*paths/)
  write('a.log', 'b.log')
  await reload('the configuration was taken over')
  clearInterval(timer)
  await scene.until(() => scene.lines('logs').length >= written)
  const { errors } = await readAgent(join(data, 'agent'))
  assert.deepEqual(errors, [])
  const exited = once(agent, 'exit')
  agent.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  const lines = scene.lines('logs')
  assert.equal(lines.length, written)
  assert.equal(new Set(lines).size, written)
})
