// What admins do to topics and groups over HTTP, each a Kafka admin call or a few; who may is in the table of roles.
// And what the page asks of one topic, one group, one agent.
import express, { type Application, type Request, type RequestHandler, type Response } from 'express'
import { z } from 'zod'
import type { Cluster } from '../../broker/client/cluster.ts'
import type { GroupMonitor } from '../cluster/group-monitor.ts'
import type { AgentAnswer } from '../http/contract-agents.ts'
import { queryProblem } from '../http/problems.ts'
import { ProblemError, shown } from '../queries/problem.ts'
import { moment } from '../queries/question.ts'
import { AdminClient } from './admin-client.ts'
import { deleteGroup, type ResetTarget, resetGroup, resetTargets } from './group-actions.ts'
import {
  addPartitions,
  alterConfigs,
  createTopic,
  deleteRecords,
  deleteTopic,
  electPreferred,
  topicConfigs,
} from './topic-actions.ts'

export interface AdminDoors {
  readonly cluster: Cluster
  readonly groups: GroupMonitor
  readonly signedIn: RequestHandler
  readonly admin: RequestHandler
  readonly onlyOurs: RequestHandler
  agent(id: string): AgentAnswer | null
  nowMs(): number
  /** What is known of the cluster is old now. */
  onChanged(): void
}

const topicName = z.string().min(1).max(249)
const configs = z.record(z.string().min(1).max(200), z.string().max(4_000))
const count = (most: number) => z.number().int().min(1).max(most)
const offsetText = z.string().regex(/^\d{1,15}$/, 'a whole number')

const createBody = z.strictObject({
  topic: topicName,
  partitions: count(10_000).optional(),
  replicas: count(100).optional(),
  configs: configs.default({}),
})
const configsBody = z.strictObject({
  set: configs.default({}),
  remove: z.array(z.string().min(1).max(200)).max(100).default([]),
})
const partitionsBody = z.strictObject({ count: count(10_000) })
const recordsBody = z.strictObject({
  partition: z.number().int().min(0),
  before: z.union([offsetText, z.literal('end')]),
})
const resetBody = z.strictObject({
  topic: topicName.optional(),
  to: z.union([
    z.enum(['earliest', 'latest']),
    z.strictObject({ offset: offsetText }),
    z.strictObject({ time: z.string().min(1).max(60) }),
  ]),
  dryRun: z.boolean().default(false),
})
const noBody = z.strictObject({})

export function addAdmin(application: Application, doors: AdminDoors): void {
  const admin = new AdminClient(doors.cluster)
  addReading(application, doors, admin)
  const route = acting(application, doors)
  route('post', '/topics', createBody, async body => {
    const { topic, partitions = -1, replicas = -1, configs: set } = body
    await createTopic(admin, { topic, partitions, replicas, configs: set })
    return [{ created: topic }, `topic ${topic}`]
  })
  route('post', '/topics/:name/configs', configsBody, async ({ set, remove }, topic) => {
    if (Object.keys(set).length + remove.length === 0) {
      throw new ProblemError(400, 'nothing-asked', 'Nothing to change', 'Name a setting in set or remove.')
    }
    await alterConfigs(admin, topic, set, remove)
    const changes = [...Object.entries(set).map(([name, value]) => `${name}=${value}`), ...remove]
    return [{ altered: topic }, changes.join(', ')]
  })
  route('post', '/topics/:name/partitions', partitionsBody, async (body, topic) => {
    await addPartitions(admin, topic, body.count)
    return [{ altered: topic }, `${body.count} partitions`]
  })
  route('post', '/topics/:name/delete-records', recordsBody, async ({ partition, before }, topic) => {
    const offset = before === 'end' ? -1 : Number(before)
    const start = await deleteRecords(admin, topic, partition, offset)
    return [{ topic, partition, logStartOffset: String(start) }, `partition ${partition} before ${before}`]
  })
  route('delete', '/topics/:name', noBody, async (_, topic) => {
    await deleteTopic(admin, topic)
    return [{ deleted: topic }, '']
  })
  route('post', '/groups/:name/reset', resetBody, async ({ topic = null, to, dryRun }, group) => {
    const target = targetOf(to, doors.nowMs())
    const answer = await resetGroup(admin, { group, topic, target, dryRun })
    const what = `${topic ?? 'all'} to ${typeof to === 'string' ? to : JSON.stringify(to)}`
    return [answer, `${what}${dryRun ? ', dry run' : ''}`]
  })
  route('delete', '/groups/:name', noBody, async (_, group) => {
    await deleteGroup(admin, group)
    return [{ deleted: group }, '']
  })
  route('post', '/cluster/elect', noBody, async () => {
    const elected = await electPreferred(admin)
    return [{ elected }, `${elected} partitions`]
  })
}

function addReading(application: Application, doors: AdminDoors, admin: AdminClient): void {
  const { signedIn } = doors
  const send = (response: Response, answer: unknown) => response.set('Cache-Control', 'no-store').json(answer)
  application.get('/api/v1/topics/:name/configs', signedIn, async (request, response) => {
    send(response, await topicConfigs(admin, nameIn(request)))
  })
  application.get('/api/v1/groups/:name', signedIn, async (request, response) => {
    const name = nameIn(request)
    const group = await doors.groups.group(name)
    if (!group) throw unknown('group', name)
    send(response, group)
  })
  application.get('/api/v1/agents/:name', signedIn, (request, response) => {
    const name = nameIn(request)
    const agent = doors.agent(name)
    if (!agent) throw unknown('agent', name)
    send(response, agent)
  })
}

type Done = readonly [answer: object, auditDetail: string]

function acting(application: Application, { admin, onlyOurs, onChanged }: AdminDoors) {
  const json = express.json({ limit: '64kb', type: () => true })
  return <Schema extends z.ZodObject>(
    method: 'post' | 'delete',
    path: string,
    schema: Schema,
    run: (body: z.output<Schema>, name: string) => Promise<Done>,
  ) => {
    application[method](`/api/v1${path}`, admin, onlyOurs, json, async (request, response) => {
      const body = schema.safeParse(request.body ?? {})
      if (!body.success) throw queryProblem(body.error, Object.keys(schema.shape))
      const [answer, detail] = await run(body.data, nameIn(request))
      // For the audit log.
      response.locals['auditDetail'] = detail
      onChanged()
      response.set('Cache-Control', 'no-store').json(answer)
    })
  }
}

function targetOf(to: z.output<typeof resetBody>['to'], nowMs: number): ResetTarget {
  if (typeof to === 'string') return resetTargets[to]
  if ('offset' in to) return { offset: Number(to.offset) }
  return { timestamp: moment('time', to.time, nowMs) }
}

function nameIn(request: Request): string {
  return String(request.params['name'] ?? '')
}

function unknown(kind: string, name: string): ProblemError {
  return new ProblemError(404, `unknown-${kind}`, `Unknown ${kind}`, `There is no ${kind} "${shown(name)}".`)
}
