// The topic for what could not be counted is made when it is first needed, by whoever is controller then; a cluster
// that does not let us is told of once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster } from '../../broker/client/cluster.ts'
import { type ErrorName, errorCodes } from '../../broker/protocol/errors.ts'
import { createLog } from '../../runtime/log.ts'
import type { DeadLetters, WaitingLetter } from '../store/dead-letters.ts'
import { DeadLetterSender, turnMs } from './dead-letter-sender.ts'

const letter = {
  ...{ source: 1, topic: 'logs', partition: 0, offset: 7, reason: 'unparsed', at: 1 },
  ...{ key: null, value: Buffer.from('no line') },
} as WaitingLetter

/** Brokers 1 and 2 of which 2 is the controller, though the first metadata say 1. */
function scene(create: (broker: number) => ErrorName) {
  const asked: string[] = []
  let [controllerId, made] = [1, false]
  const connection = (broker: number) => ({
    request: async (api: { readonly key: number }) => {
      asked.push(`${api.key === 19 ? 'create' : 'produce'} at ${broker}`)
      if (api.key !== 19) return { responses: [] }
      const error = create(broker)
      made ||= error === 'none'
      return { topics: [{ errorCode: errorCodes[error] }] }
    },
  })
  const cluster = {
    leaderOf: () => (made ? 1 : -1),
    topic: () => ({ id: '' }),
    refresh: async () => {
      if (asked.length > 0) controllerId = 2
    },
    get controllerId() {
      return controllerId
    },
    connectionTo: async (broker: number) => connection(broker),
    anyConnection: async () => connection(1),
  } as unknown as Cluster
  const waiting = [letter]
  const letters = { waiting: () => waiting, drop: () => waiting.pop() } as unknown as DeadLetters
  const logged: string[] = []
  const log = createLog('test', line => void logged.push(line))
  return { sender: new DeadLetterSender(cluster, letters, () => [1], log), asked, waiting, logged }
}

test('the topic is made by the controller of the moment, and nothing is said of it', async () => {
  const { sender, asked, waiting, logged } = scene(broker => (broker === 2 ? 'none' : 'notController'))
  assert.equal(await sender.turn(), true)
  assert.deepEqual(asked, ['create at 1', 'create at 2', 'produce at 1'])
  assert.deepEqual([waiting.length, logged.length, sender.sent], [0, 0, 1])
})

test('a cluster that does not let us make it is told of once; the letter waits', async () => {
  const { sender, waiting, logged } = scene(() => 'topicAuthorizationFailed')
  const turns = (4 * 31_000) / turnMs
  for (let turn = 0; turn < turns; turn++) assert.equal(await sender.turn(), false)
  assert.equal(waiting.length, 1)
  assert.equal(logged.length, 1)
  assert.match(logged[0]!, /logs\.dlq: topicAuthorizationFailed/)
})
