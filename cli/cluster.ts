// `tailrace cluster`: what brings brokers in, takes them out and mends them, while traffic flows. Each command plans
// from what the cluster says, asks the brokers to move the data and waits for them; run again after an interruption it
// finds what is left to do. Kafka's admin calls only.
import { type PlacementWish, planPlacement } from '../broker/controller/rebalance.ts'
import { apis } from '../broker/protocol/apis.ts'
import { errorCodes, errorName } from '../broker/protocol/errors.ts'
import { electionTypes } from '../broker/protocol/messages/43-elect-leaders.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { AdminPartition, AdminView, ClusterAdmin } from './cluster-admin.ts'
import { bytesText, clusterReport, nameOf } from './cluster-status.ts'

/** One line for a person, each time something has moved. */
export type Tell = (line: string) => void

export interface Moved {
  readonly brokers: number
  /** Partitions whose replicas or preferred leader changed. */
  readonly partitions: number
  /** Replicas that were copied to another broker. */
  readonly replicas: number
}

const copiesMax = 3
const pollMs = 200
/** Partitions in one request, lest a big cluster's plan outlast the request's time. */
const chunkPartitions = 50

/** Every partition gets as many copies as there are brokers, up to three. */
export async function grow(admin: ClusterAdmin, tell: Tell): Promise<Moved & { readonly copies: number }> {
  const { brokers } = await admin.view()
  const copies = Math.min(copiesMax, brokers.length)
  const copiesOf = (now: number) => Math.max(now, copies)
  const moved = await place(admin, tell, ids => ({ brokers: ids, copiesOf, even: true }))
  return { ...moved, copies }
}

/** Every broker gets the same share, within one; as few replicas as possible move. */
export async function rebalance(admin: ClusterAdmin, tell: Tell): Promise<Moved> {
  return place(admin, tell, ids => ({ brokers: ids, copiesOf: now => now, even: true }))
}

/** What a broker has goes to the others, then it is forgotten. `copies`: that many are enough from now on. */
export async function removeBroker(
  admin: ClusterAdmin,
  tell: Tell,
  brokerId: number,
  copies = Infinity,
): Promise<Moved> {
  const { brokers, partitions } = await admin.view()
  const others = brokers.filter(({ id }) => id !== brokerId).length
  const wanted = Math.max(
    ...partitions.map(({ replicas, adding, removing }) => {
      return Math.min(copies, targetOf({ replicas, adding, removing }).length)
    }),
  )
  if (wanted > others) {
    throw new ExitError(
      exitCodes.failed,
      `Cannot remove broker ${brokerId}: there are ${wanted} copies of the data, and ${others} ` +
        `${others === 1 ? 'broker' : 'brokers'} would be left. Add a broker first (tailrace up --brokers ` +
        `${brokers.length + 1}), or keep fewer copies: tailrace cluster remove-broker ${brokerId} --copies ${others}`,
    )
  }
  const wishOf = (ids: readonly number[]) => ({
    brokers: ids.filter(id => id !== brokerId),
    copiesOf: (now: number) => Math.min(now, copies),
    even: false,
  })
  const moved = await place(admin, tell, wishOf, brokerId)
  const { errorCode, errorMessage } = await admin.request(apis.unregisterBroker, { brokerId })
  const isForgotten = errorCode === errorCodes.none || errorCode === errorCodes.brokerIdNotRegistered
  if (!isForgotten) refuse(errorCode, errorMessage)
  return moved
}

/** Waits until a broker that came back with an empty disk has everything again, and leads what it should. */
export async function replaceBroker(
  admin: ClusterAdmin,
  tell: Tell,
  brokerId: number,
): Promise<{ readonly replicas: number }> {
  const { brokers, partitions } = await admin.view()
  const held = partitions.filter(({ replicas }) => replicas.includes(brokerId))
  if (!brokers.some(({ id }) => id === brokerId)) {
    throw new ExitError(
      held.length > 0 ? exitCodes.unhealthy : exitCodes.usage,
      held.length > 0
        ? `Broker ${brokerId} is down. Start it with an empty directory, then run this again`
        : `There is no broker ${brokerId}`,
    )
  }
  await settled(admin, tell, view =>
    view.partitions.every(({ replicas, isr }) => !replicas.includes(brokerId) || isr.includes(brokerId)),
  )
  await electPreferred(admin)
  return { replicas: held.length }
}

/** Leadership goes back to where it was planned; how many partitions it moved in. */
export async function electPreferred(admin: ClusterAdmin): Promise<{ readonly elected: number }> {
  const answer = await admin.request(apis.electLeaders, {
    electionType: electionTypes.preferred,
    topicPartitions: null,
  })
  if (answer.errorCode !== 0) refuse(answer.errorCode, null)
  const results = answer.replicaElectionResults.flatMap(({ partitionResult }) => partitionResult)
  return { elected: results.filter(({ errorCode }) => errorCode === 0).length }
}

/** The last resort, where all that had everything are gone for good: whoever is alive leads, with what it has. */
export async function electUnclean(admin: ClusterAdmin, topic: string, index: number): Promise<void> {
  const topicPartitions = [{ topic, partitions: [index] }]
  const answer = await admin.request(apis.electLeaders, {
    electionType: electionTypes.unclean,
    topicPartitions,
  })
  const result = answer.replicaElectionResults[0]?.partitionResult[0]
  const errorCode = result?.errorCode ?? answer.errorCode
  if (errorCode !== 0) refuse(errorCode, `for ${topic}-${index}`)
}

/** Plans, asks, waits, until planning finds nothing: what was created meanwhile is moved too. */
async function place(
  admin: ClusterAdmin,
  tell: Tell,
  wishOf: (brokers: readonly number[]) => PlacementWish,
  leavingId = -1,
): Promise<Moved> {
  let partitions = 0
  let replicas = 0
  for (;;) {
    const view = await admin.view()
    const ids = view.brokers.map(({ id }) => id)
    const wish = wishOf(ids)
    refuseAbsent(view, leavingId)
    const now = view.partitions.map(one => ({ ...one, replicas: targetOf(one) }))
    const plan = planPlacement(now, wish)
    const isMoving = view.partitions.some(({ adding, removing }) => adding.length + removing.length > 0)
    if (plan.length === 0 && !isMoving) return { brokers: wish.brokers.length, partitions, replicas }
    for (const { topic, index, replicas: target } of plan) {
      const before = now.find(one => one.topic === topic && one.index === index)!.replicas
      replicas += target.filter(id => !before.includes(id)).length
    }
    partitions += plan.length
    for (let start = 0; start < plan.length; start += chunkPartitions) {
      await reassign(admin, plan.slice(start, start + chunkPartitions))
    }
    const planned = new Map(plan.map(one => [nameOf(one), one.replicas]))
    await settled(admin, tell, after =>
      after.partitions.every(one => isAsPlanned(one, planned.get(nameOf(one)))),
    )
    await electPreferred(admin)
  }
}

/** Those who stay have to be there: nothing is given to, or counted on, a broker that is down. */
function refuseAbsent({ brokers, partitions }: AdminView, leavingId: number): void {
  const here = new Set([leavingId, ...brokers.map(({ id }) => id)])
  const absent = new Set(partitions.flatMap(({ replicas }) => replicas.filter(id => !here.has(id))))
  const [first] = absent
  if (first === undefined) return
  throw new ExitError(
    exitCodes.unhealthy,
    `Broker ${[...absent].join(', ')} is down and holds replicas. Start it, or remove it first: ` +
      `tailrace cluster remove-broker ${first}`,
  )
}

async function reassign(
  admin: ClusterAdmin,
  plan: readonly { readonly topic: string; readonly index: number; readonly replicas: readonly number[] }[],
): Promise<void> {
  const topics = [...new Set(plan.map(({ topic }) => topic))].map(name => ({
    name,
    partitions: plan
      .filter(({ topic }) => topic === name)
      .map(({ index: partitionIndex, replicas }) => ({ partitionIndex, replicas: [...replicas] })),
  }))
  const answer = await admin.request(apis.alterPartitionReassignments, { topics })
  for (const { errorCode, errorMessage } of [answer, ...answer.responses.flatMap(one => one.partitions)]) {
    if (errorCode !== 0) refuse(errorCode, errorMessage)
  }
}

function refuse(errorCode: number, message: string | null): never {
  throw new ExitError(exitCodes.failed, `The brokers refuse: ${errorName(errorCode)} ${message ?? ''}`.trim())
}

/** Who is to hold it in the end, in order. */
function targetOf({
  replicas,
  removing,
}: Pick<AdminPartition, 'replicas' | 'adding' | 'removing'>): number[] {
  return replicas.filter(id => !removing.includes(id))
}

/** The broker that answers may hear a moment later of what was written: the copies themselves are asked for. */
function isAsPlanned(
  { replicas, adding, removing, isr }: AdminPartition,
  planned?: readonly number[],
): boolean {
  if (adding.length > 0 || removing.length > 0) return false
  return !planned || (replicas.length === planned.length && planned.every(id => isr.includes(id)))
}

/** Until the view is as it should be; a broker that cannot be reached for a moment is asked again. */
async function settled(admin: ClusterAdmin, tell: Tell, isDone: (view: AdminView) => boolean): Promise<void> {
  let told = ''
  for (;;) {
    const view = await admin.view().catch((error: unknown) => {
      tell((error as Error).message)
      return null
    })
    if (view && isDone(view)) return
    if (view) {
      const { reassignments, underReplicated, bytesLeft } = clusterReport(
        view,
        await admin.sizes(view.brokers),
      )
      const line =
        `${reassignments.length} partitions are moving, ${underReplicated.length} lack copies, ` +
        `${bytesText(bytesLeft)} left`
      if (line !== told) tell(line)
      told = line
    }
    await new Promise(resolve => setTimeout(resolve, pollMs))
  }
}
