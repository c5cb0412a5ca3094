// What is told of groups before any was asked for: that it is not known, which is not that there are none.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../../broker/client/cluster.ts'
import { ScriptedBroker } from '../../broker/client/scripted-broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { GroupMonitor } from './group-monitor.ts'

test('GroupMonitor tells no groups and no reason only once it has looked', async context => {
  await using broker = await new ScriptedBroker().listen()
  broker.versions = { listGroups: [4, 4] }
  const cluster = new Cluster({ bootstrap: [`127.0.0.1:${broker.port}`], clientId: 'monitor' })
  const monitor = new GroupMonitor(cluster, systemClock)
  context.after(() => cluster.close())
  const { groups, error } = monitor.latest()
  assert.deepEqual(groups, [])
  assert.notEqual(error, null)
  const looked = await monitor.current()
  assert.deepEqual([looked.groups, looked.error], [[], null])
})
