// The contract as zod schemas: what HTTP answers are checked against in tests and described by in openapi.json.
// The types of contract.ts say the same; `contractCheck` below fails to compile when the two part ways.
import { z } from 'zod'
import type * as contract from './contract.ts'

const milliseconds = z.number().meta({ description: 'Milliseconds since the epoch.' })
const labels = z.record(z.string(), z.string())
const unit = z.enum(['count', 'per_second', 'bytes', 'milliseconds', 'ratio', 'records'])
const window = z.object({ from: milliseconds, to: milliseconds })

export const freshnessSchema = z
  .object({
    watermark: milliseconds.nullable().meta({ description: 'Event time up to which rows are final.' }),
    committedAt: milliseconds.nullable().meta({ description: 'When the newest line was committed.' }),
    lagRecords: z.number().meta({ description: 'Records in the log that are not counted yet.' }),
    mayChange: z.boolean().meta({ description: 'True while late lines may still change this answer.' }),
  })
  .meta({ id: 'Freshness', description: 'How far an answer can be trusted.' })

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    didYouMean: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem document.' })

const values = z.record(z.string(), z.number().nullable())
const columns = z.record(z.string(), z.array(z.number().nullable()))
const changeSchema = z
  .object({ absolute: z.number().nullable(), percent: z.number().nullable() })
  .meta({ id: 'Change', description: 'Against the period before; percent is null where nothing was then.' })
const previousWindow = z
  .exactOptional(window)
  .meta({ description: 'With compare=previous: what was compared with.' })
const truncated = z
  .exactOptional(z.boolean())
  .meta({ description: 'True where groups are left out or share `__other__`.' })
const next = z
  .exactOptional(z.string().nullable())
  .meta({ description: 'The cursor of the next page; null on the last one.' })

export const statsSchema = z
  .object({
    metric: z.string(),
    definition: z.string(),
    unit,
    window,
    previousWindow,
    rows: z.array(
      z.object({
        labels,
        values,
        previous: z.exactOptional(values),
        change: z.exactOptional(z.record(z.string(), changeSchema)),
      }),
    ),
    truncated,
    freshness: freshnessSchema,
  })
  .meta({ id: 'StatsAnswer' })

export const seriesSchema = z
  .object({
    metric: z.string(),
    definition: z.string(),
    unit,
    stepSeconds: z.number(),
    times: z.array(milliseconds),
    previousTimes: z.exactOptional(z.array(milliseconds)),
    series: z.array(z.object({ labels, values: columns, previous: z.exactOptional(columns) })),
    truncated,
    freshness: freshnessSchema,
  })
  .meta({ id: 'SeriesAnswer' })

export const topSchema = z
  .object({
    dimension: z.string(),
    metric: z.string(),
    window,
    previousWindow,
    rows: z.array(
      z.object({
        value: z.string(),
        count: z.number(),
        share: z.number().min(0).max(1),
        previous: z.exactOptional(z.number().nullable()),
        change: z.exactOptional(changeSchema),
      }),
    ),
    other: z.number().meta({ description: 'What the listed rows leave out of the whole.' }),
    truncated,
    error: z.exactOptional(z.number()).meta({
      description: 'With truncated: what a count may lack, and what a value that is not listed may have.',
    }),
    next,
    freshness: freshnessSchema,
  })
  .meta({ id: 'TopAnswer' })

const cells = z.array(z.number().nullable())
const texts = z.array(z.string())

export const queryAnswerSchema = z
  .object({
    results: z.array(
      z.object({
        dimensions: texts,
        metrics: cells,
        comparison: z.exactOptional(
          z.object({ dimensions: texts, metrics: cells, change: z.array(changeSchema) }),
        ),
      }),
    ),
    meta: z.object({
      metrics: z.record(z.string(), z.object({ definition: z.string(), unit })),
      time_labels: z.exactOptional(texts),
      total_rows: z.exactOptional(z.number()),
      next: z.string().nullable().meta({ description: 'The cursor of the next page; null on the last one.' }),
      truncated: z.boolean(),
      freshness: freshnessSchema,
    }),
    query: z.record(z.string(), z.unknown()).meta({ description: 'The question as it was understood.' }),
  })
  .meta({ id: 'QueryAnswer' })

export const lossesSchema = z
  .object({
    totalLines: z.number(),
    reasons: z
      .array(z.object({ reason: z.string(), entries: z.number(), lines: z.number(), lastAt: milliseconds }))
      .optional(),
    next,
    entries: z.array(
      z.object({
        at: milliseconds,
        reason: z.string(),
        source: z.string(),
        from: z.string(),
        to: z.string(),
        lines: z.number().nullable().meta({ description: 'Null when it cannot be known.' }),
        detail: z.string(),
      }),
    ),
  })
  .meta({ id: 'LossesAnswer' })

const offset = z.string().meta({ description: 'An offset as decimal text: it can exceed 2^53.' })

const brokerId = z.number()
const replicaIds = z.array(brokerId)
const leaderId = brokerId.meta({ description: '-1 while nobody leads.' })

const brokerStatusSchema = z
  .object({
    id: brokerId,
    host: z.string(),
    port: z.number(),
    up: z.boolean(),
    since: milliseconds.meta({ description: 'When it was first seen up, or down, without a break since.' }),
    leaders: z.number(),
    replicas: z.number(),
    inSync: z.number().meta({ description: 'Replicas on it that are in sync.' }),
    diskBytes: z.number().nullable(),
    diskFreeBytes: z.number().nullable(),
    memoryBytes: z.number().nullable().meta({ description: 'Null unless it runs on this machine.' }),
  })
  .meta({ id: 'BrokerStatus', description: 'A broker that answers, or one that ought to.' })

const electionSchema = z
  .object({
    at: milliseconds,
    topic: z.string(),
    partition: z.number(),
    from: brokerId,
    to: brokerId,
    epoch: z.number(),
    reason: z.enum(['leaderDown', 'leaderStopped', 'restarted', 'preferred', 'moved']).nullable(),
  })
  .meta({ id: 'Election', description: 'A change of leader or leader epoch, as seen from outside.' })

const troubleSchema = z.object({
  topic: z.string(),
  partition: z.number(),
  state: z.enum(['offline', 'underMinIsr', 'underReplicated']),
  leader: leaderId,
  replicas: replicaIds,
  isr: replicaIds,
})

const partitionSchema = z.object({
  partition: z.number(),
  leader: leaderId,
  leaderEpoch: z.number(),
  replicas: replicaIds,
  isr: replicaIds,
  logStartOffset: offset,
  highWatermark: offset,
  folded: offset.nullable(),
  sizeBytes: z.number().nullable().meta({ description: 'Of its largest replica.' }),
})

export const clusterSchema = z
  .object({
    clusterId: z.string(),
    controllerId: z.number(),
    healthy: z
      .boolean()
      .meta({ description: 'Every broker that holds replicas is up, and every replica in sync.' }),
    brokers: z.array(brokerStatusSchema),
    partitionCounts: z.object({
      total: z.number(),
      underReplicated: z.number(),
      underMinIsr: z.number(),
      offline: z.number(),
    }),
    troubled: z.array(troubleSchema).meta({ description: 'The worst first; at most 50.' }),
    elections: z.array(electionSchema).meta({ description: 'Newest first, at most 100.' }),
    topics: z.array(
      z.object({
        name: z.string(),
        internal: z.boolean(),
        recordsPerSecond: z.number().nullable(),
        retentionMs: z.number().nullable().meta({ description: '-1: for ever.' }),
        retentionBytes: z.number().nullable(),
        cleanupPolicy: z.string().nullable(),
        durability: z.enum(['flushed', 'page cache']).nullable(),
        partitions: z.array(partitionSchema),
      }),
    ),
  })
  .meta({ id: 'ClusterAnswer' })

export const agentsSchema = z
  .object({
    agents: z.array(
      z.object({
        agentId: z.string(),
        host: z.string(),
        version: z.string(),
        lastSeen: milliseconds,
        files: z.number(),
        linesPerSecond: z.number(),
        bytesBehind: z.number(),
        errors: z.array(z.string()),
        bytesPerSecond: z.number().nullable(),
        behindMs: z.number().nullable().meta({ description: 'Of the file that is longest behind.' }),
        linesLeftOut: z.number().nullable().meta({ description: 'By filters and sampling.' }),
        worstFile: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'AgentsAnswer' })

export const meSchema = z
  .object({
    user: z.string(),
    role: z.enum(['admin', 'viewer']),
    by: z.enum(['link', 'password', 'token']),
    build: z.string(),
  })
  .meta({ id: 'MeAnswer' })

export const loginSchema = z
  .union([
    z.object({ token: z.string().min(1).max(200) }),
    // As accounts are named; what cannot be a name is no account.
    z.object({
      user: z.string().trim().toLowerCase().min(1).max(100),
      password: z.string().min(1).max(1_000),
    }),
  ])
  .meta({ id: 'LoginRequest' })

export const loginLinkSchema = z
  .object({ token: z.string(), expiresAt: milliseconds })
  .meta({ id: 'LoginLink', description: 'A link that signs in once: {origin}/login#t={token}' })

/** Compiles only while every schema's output fits the contract. */
export const contractCheck = {
  freshness: (value: z.infer<typeof freshnessSchema>): contract.Freshness => value,
  stats: (value: z.infer<typeof statsSchema>): contract.StatsAnswer => value,
  series: (value: z.infer<typeof seriesSchema>): contract.SeriesAnswer => value,
  top: (value: z.infer<typeof topSchema>): contract.TopAnswer => value,
  query: (value: z.infer<typeof queryAnswerSchema>): contract.QueryAnswer => value,
  losses: (value: z.infer<typeof lossesSchema>): contract.LossesAnswer => value,
  cluster: (value: z.infer<typeof clusterSchema>): contract.ClusterAnswer => value,
  agents: (value: z.infer<typeof agentsSchema>): contract.AgentsAnswer => value,
  me: (value: z.infer<typeof meSchema>): contract.MeAnswer => value,
} as const
