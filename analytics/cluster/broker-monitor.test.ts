// What the page is told of the broker: that it is up, that it went, and that it is back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../../broker/client/cluster.ts'
import { ScriptedBroker } from '../../broker/client/scripted-broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { BrokerMonitor } from './broker-monitor.ts'

test('BrokerMonitor says that a broker went even if it is back before the next question', async context => {
  await using broker = await new ScriptedBroker().listen()
  broker.versions = { describeLogDirs: [0, 0], describeConfigs: [0, 0] }
  const cluster = new Cluster({ bootstrap: [`127.0.0.1:${broker.port}`], clientId: 'monitor' })
  const seen: string[] = []
  let heard = Promise.withResolvers<void>()
  const monitor = new BrokerMonitor({
    cluster,
    clock: systemClock,
    onChange: ({ state }) => {
      seen.push(state)
      heard.resolve()
      heard = Promise.withResolvers()
    },
  })
  context.after(() => {
    monitor.close()
    cluster.close()
  })
  const up = heard.promise
  monitor.start()
  await up
  const down = heard.promise
  const { port } = broker
  await broker.stop()
  await broker.listen(port)
  await down
  await heard.promise
  assert.deepEqual(seen, ['up', 'down', 'up'])
})

test('BrokerMonitor begins with a broker that was not reached, and answers without one', async () => {
  const cluster = new Cluster({ bootstrap: ['127.0.0.1:1'], clientId: 'monitor' })
  const monitor = new BrokerMonitor({ cluster, clock: systemClock })
  assert.equal(monitor.state.state, 'down')
  const { brokers, healthy } = await monitor.cluster([])
  assert.deepEqual([brokers, healthy], [[], false])
  monitor.close()
  cluster.close()
})
