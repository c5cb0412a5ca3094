// `up --kafka`: the topics an appliance needs, made on a cluster that somebody else runs. What is there already is left
// as it is; replicas are as many as the cluster has brokers for, three at most.
import { apis } from '../broker/protocol/apis.ts'
import { errorName } from '../broker/protocol/errors.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { ClusterAdmin } from './cluster-admin.ts'
import { topics as countedTopics } from './processes.ts'

interface WantedTopic {
  readonly name: string
  readonly partitions: number
  readonly configs: readonly (readonly [string, string])[]
}

const replicasMax = 3
const timeoutMs = 30_000
/** Replayed lines carry old times, and hosts have clocks that run ahead. */
const anyTime = [
  ['message.timestamp.after.max.ms', '9223372036854775807'],
  ['message.timestamp.before.max.ms', '9223372036854775807'],
] as const

/** With as many partitions as our own broker has: keys go to the same ones after a move. */
const wanted: readonly WantedTopic[] = [
  ...countedTopics.map(name => ({ name, partitions: 6, configs: anyTime })),
  ...['__tailrace_losses', '__tailrace_agents'].map(name => {
    return { name, partitions: 1, configs: [...anyTime, ['cleanup.policy', 'compact'] as const] }
  }),
]

/** Names of the topics that were made. Throws ExitError 69 when nobody answers, 1 when a topic cannot be made. */
export async function ensureTopics(bootstrap: readonly string[]): Promise<string[]> {
  using admin = new ClusterAdmin(bootstrap)
  const { brokers, topics: found } = await admin.request(apis.metadata, { topics: null })
  const there = new Set(found.map(({ name }) => name))
  const missing = wanted.filter(({ name }) => !there.has(name))
  const replicas = Math.min(replicasMax, brokers.length)
  for (const topic of missing) await make(admin, topic, replicas)
  if (missing.length > 0) await known(admin)
  return missing.map(({ name }) => name)
}

/** A cluster takes a moment until every broker knows of a topic, and who leads it. */
async function known(admin: ClusterAdmin): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const { topics: found } = await admin.request(apis.metadata, { topics: null })
    const led = found.filter(({ partitions }) => partitions.every(({ leaderId }) => leaderId >= 0))
    const there = new Set(led.map(({ name }) => name))
    if (wanted.every(({ name }) => there.has(name))) return
    if (performance.now() > deadline) {
      throw new ExitError(
        exitCodes.unavailable,
        'The topics were made, but nobody leads them. Is the cluster whole?',
      )
    }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

async function make(admin: ClusterAdmin, topic: WantedTopic, replicationFactor: number): Promise<void> {
  const { name, partitions: numPartitions } = topic
  // Brokers before 3.6 do not know the two bounds of timestamps, and need not.
  for (const configs of [topic.configs, topic.configs.filter(([config]) => config === 'cleanup.policy')]) {
    const asked = configs.map(([config, value]) => ({ name: config, value }))
    const request = { topics: [{ name, numPartitions, replicationFactor, configs: asked }], timeoutMs }
    const { topics: made } = await admin.request(apis.createTopics, request)
    const error = errorName(made[0]!.errorCode)
    // Somebody else was quicker.
    if (error === 'none' || error === 'topicAlreadyExists') return
    if (error === 'invalidConfig' && configs === topic.configs) continue
    const why = made[0]!.errorMessage ?? error
    const advice = `Make it yourself, with ${numPartitions} partitions`
    throw new ExitError(exitCodes.failed, `Cannot make the topic "${name}": ${why}. ${advice}`)
  }
}
