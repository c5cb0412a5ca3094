// `tailrace cluster health` while a broker is away: 10 as long as copies lack, 0 again once they are in sync.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../../cli/run-command.ts'
import { eventually } from '../eventually.ts'
import { startAppliance } from './appliance.ts'

test('cluster health ends with 10 while a broker is away, and waits until it is back', async () => {
  await using appliance = await startAppliance([], { brokers: 2 }, { agent: false })
  const asked = ['cluster', 'health', '--json', '--bootstrap', appliance.kafkaAddress]
  const wait = [...asked, '--exit-when-healthy', '--timeout', '40']
  assert.equal((await runCommand(appliance.directory, wait)).code, 0)
  const pid = appliance.supervisor.pidOf('broker-2')!
  process.kill(pid, 'SIGSTOP')
  try {
    const sick = await eventually(
      'exit code 10',
      () => runCommand(appliance.directory, asked),
      ({ code }) => code === 10,
    )
    const report = JSON.parse(sick.output) as { healthy: boolean; underReplicated: string[] }
    assert.equal(report.healthy, false)
    assert(report.underReplicated.length > 0)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  assert.equal((await runCommand(appliance.directory, wait)).code, 0)
})
