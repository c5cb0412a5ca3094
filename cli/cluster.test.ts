// What the commands that move replicas refuse before they touch anything, told by a cluster that only answers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { rebalance, removeBroker, replaceBroker } from './cluster.ts'
import type { AdminView, ClusterAdmin } from './cluster-admin.ts'

/** Brokers with these ids live; one partition lies on these replicas. Whatever would change it fails the test. */
function admin(living: readonly number[], replicas: readonly number[]): ClusterAdmin {
  const brokers = living.map(id => ({ id, host: '127.0.0.1', port: 9_091 + id }))
  const isr = replicas.filter(id => living.includes(id))
  const ids = { leader: isr[0] ?? -1, replicas, isr, adding: [], removing: [], minIsr: 1 }
  const view: AdminView = { brokers, controller: 1, partitions: [{ topic: 'logs', index: 0, ...ids }] }
  const only = {
    view: async () => view,
    sizes: async () => new Map(),
    request: () => assert.fail('asked for a change'),
  }
  return only as unknown as ClusterAdmin
}

const silent = () => {}

function refusal(exitCode: number, sentence: RegExp) {
  return (error: unknown) =>
    error instanceof ExitError && error.exitCode === exitCode && sentence.test(error.message)
}

test('a broker whose copies nobody else could take is not removed, and the way out is said', async () => {
  await assert.rejects(
    removeBroker(admin([1, 2, 3], [1, 2, 3]), silent, 3),
    refusal(exitCodes.failed, /3 copies.*2 brokers would be left.*remove-broker 3 --copies 2/),
  )
})

test('nothing moves while another broker is down', async () => {
  await assert.rejects(
    rebalance(admin([1, 2], [1, 3]), silent),
    refusal(exitCodes.unhealthy, /Broker 3 is down/),
  )
  await assert.rejects(
    removeBroker(admin([1, 2, 5], [1, 3]), silent, 2),
    refusal(exitCodes.unhealthy, /Broker 3 is down/),
  )
  // The one that is removed may be down, and is asked for no word.
  await assert.rejects(removeBroker(admin([1, 2], [1, 3]), silent, 3), /asked for a change/)
})

test('a broker that is down, or that nobody knows, is not waited for', async () => {
  await assert.rejects(replaceBroker(admin([1, 2], [1, 3]), silent, 3), refusal(exitCodes.unhealthy, /down/))
  await assert.rejects(
    replaceBroker(admin([1, 2], [1, 2]), silent, 9),
    refusal(exitCodes.usage, /no broker 9/),
  )
})
