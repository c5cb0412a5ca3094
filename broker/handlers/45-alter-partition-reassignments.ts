// AlterPartitionReassignments, v0-1. Partitions move to other brokers, or to more of them: the new replicas are added,
// catch up, and when all who are to stay are in sync the others go. The controller writes it; others hand it on.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { PartitionMeta } from '../controller/cluster-state.ts'
import type { Controller, Outcome } from '../controller/controller.ts'
import { isForwarded } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { AlterPartitionReassignmentsRequest } from '../protocol/messages/45-alter-partition-reassignments.ts'

type Wish = AlterPartitionReassignmentsRequest['topics'][number]['partitions'][number]

export async function alterPartitionReassignments(
  request: AlterPartitionReassignmentsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.alterPartitionReassignments> {
  const { membership, forwarder } = broker.parts
  const { controller } = membership
  if (!controller) {
    const api = apis.alterPartitionReassignments
    const answer = isForwarded(call) ? null : await forwarder.forward(api, request)
    return (
      answer ?? { errorCode: errorCodes.notController, errorMessage: 'The controller cannot be reached.' }
    )
  }
  const mayGrow = request.allowReplicationFactorChange
  const responses = []
  for (const { name, partitions } of request.topics) {
    const results = []
    for (const wish of partitions) {
      const { error, message } = await reassign(broker, controller, name, wish, mayGrow)
      const errorCode = errorCodes[error]
      results.push({ partitionIndex: wish.partitionIndex, errorCode, errorMessage: message })
    }
    responses.push({ name, partitions: results })
  }
  await broker.apply()
  await membership.settle()
  return { allowReplicationFactorChange: mayGrow, errorCode: errorCodes.none, responses }
}

const done: Outcome = { error: 'none', message: null }

async function reassign(
  broker: Broker,
  controller: Controller,
  name: string,
  { partitionIndex, replicas: target }: Wish,
  mayGrow: boolean,
): Promise<Outcome> {
  const topic = broker.topics.byName(name)?.topic
  if (!topic?.partitions[partitionIndex]) return { error: 'unknownTopicOrPartition', message: null }
  let outcome = done
  const decideOn = (now: PartitionMeta) => {
    outcome = refusalOf(now, target, broker, mayGrow)
    if (outcome.error !== 'none') return null
    return target === null ? cancelled(now) : reassigned(now, target)
  }
  try {
    await controller.change(topic, partitionIndex, decideOn)
    return outcome
  } catch (error) {
    return { error: 'notController', message: (error as Error).message }
  }
}

function refusalOf(
  { adding = [], removing = [], replicas }: PartitionMeta,
  target: readonly number[] | null,
  broker: Broker,
  mayGrow: boolean,
): Outcome {
  if (target === null) {
    if (adding.length > 0 || removing.length > 0) return done
    return { error: 'noReassignmentInProgress', message: 'Nothing is being reassigned.' }
  }
  const isSound =
    target.length > 0 &&
    new Set(target).size === target.length &&
    target.every(brokerId => isRegistered(brokerId, broker))
  if (!isSound) {
    const message = 'Replicas must be brokers of this cluster, each once, and at least one.'
    return { error: 'invalidReplicaAssignment', message }
  }
  if (mayGrow || target.length === replicas.length - adding.length) return done
  return { error: 'invalidReplicationFactor', message: 'The replication factor may not change.' }
}

/** Also one that is down at the moment: it catches up when it is back, or the reassignment is cancelled. */
function isRegistered(brokerId: number, broker: Broker): boolean {
  const { brokers, known } = broker.parts.membership.image
  return brokers.has(brokerId) || known.has(brokerId)
}

/** The order of the target is kept, so that its first becomes the preferred leader. */
function reassigned(now: PartitionMeta, target: readonly number[]): PartitionMeta {
  const original = now.replicas.filter(id => !(now.adding ?? []).includes(id))
  const removing = original.filter(id => !target.includes(id))
  const adding = target.filter(id => !original.includes(id))
  const isr = now.isr.filter(id => target.includes(id) || removing.includes(id))
  return { ...now, replicas: [...target, ...removing], adding, removing, isr }
}

function cancelled(now: PartitionMeta): PartitionMeta {
  const { adding = [] } = now
  const replicas = now.replicas.filter(id => !adding.includes(id))
  const isr = now.isr.filter(id => !adding.includes(id))
  // Never to nobody: then the new replicas stay until one of the old ones is in sync again.
  return isr.length === 0 ? now : { ...now, replicas, isr, adding: [], removing: [] }
}
