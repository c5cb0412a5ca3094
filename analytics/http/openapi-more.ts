// What openapi.json says of the routes that are no plain questions: alerts, search, records, consumer groups.
import { z } from 'zod'
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi'
import { ruleSchema } from '../alerts/rule.ts'
import { problemSchema } from './schemas.ts'

const id = { path: z.object({ id: z.string() }) }
const rule = { content: { 'application/json': { schema: ruleSchema } } }
const target = { content: { 'application/json': { schema: z.object({ url: z.url() }) } } }
const past = z.object({ rule: ruleSchema, from: z.string().optional(), to: z.string().optional() })
const text = z.string().optional()

const searchParameters = z.object({
  topic: z.string(),
  from: text.meta({ description: 'Where to begin; a quarter of an hour ago by default.' }),
  to: text,
  q: text.meta({ description: 'A text that lines contain.' }),
  re: text.meta({ description: 'A regular expression without back references and look-around.' }),
  field: text.meta({ description: 'name:value of a JSON line or an access line; repeat for several.' }),
  level: z.enum(['info', 'warn', 'error']).optional(),
  limit: z.number().int().optional(),
  invert: z.enum(['yes']).optional().meta({ description: 'Lines without q, re and field.' }),
  order: z
    .enum(['oldest', 'newest'])
    .optional()
    .meta({ description: 'newest: the last ones before to, answered in order of time.' }),
  range: text.meta({ description: 'PARTITION:FROM-TO, only these offsets; repeat for several partitions.' }),
  cursor: text.meta({ description: 'Of an answer before: goes on after it.' }),
  format: z.enum(['json', 'ndjson']).optional(),
})
const recordParameters = z.object({
  partition: z.number().int().optional(),
  offset: text.meta({ description: 'From this offset on.' }),
  before: text.meta({ description: 'The last ones before this offset.' }),
  time: text.meta({ description: 'From this time on.' }),
  limit: z.number().int().optional(),
})

export function morePaths(): ZodOpenApiPathsObject {
  return {
    '/api/v1/alerts': { get: told('What fires, what is pending, and what has fired') },
    '/api/v1/alerts/rules': {
      get: told('All rules'),
      post: { ...told('Make a rule', '201'), requestBody: rule },
    },
    '/api/v1/alerts/rules/{id}': {
      get: { ...told('One rule'), requestParams: id },
      put: { ...told('Change a rule of the API'), requestParams: id, requestBody: rule },
      delete: { ...told('Remove a rule of the API', '204'), requestParams: id },
    },
    '/api/v1/alerts/preview': {
      post: {
        ...told('What a rule would have done'),
        requestBody: { content: { 'application/json': { schema: past } } },
      },
    },
    '/api/v1/alerts/test': { post: { ...told('Send a test notification'), requestBody: target } },
    '/api/v1/alerts/secret': { post: { ...told('The secret of a receiver'), requestBody: target } },
    '/api/v1/groups/{group}': {
      get: toldOf('group', 'The members of a group'),
      delete: toldOf('group', 'Forget a group without members'),
    },
    '/api/v1/groups/{group}/reset': {
      post: toldOf('group', 'Set where a group without members reads on; with dryRun, say it'),
    },
    '/api/v1/cluster/elect': { post: told('Give leadership back to the preferred leaders') },
    '/api/v1/topics': { post: told('Make a topic') },
    '/api/v1/topics/{topic}': { delete: toldOf('topic', 'Delete a topic and all it holds') },
    '/api/v1/topics/{topic}/configs': {
      get: toldOf('topic', 'The settings of a topic, and which are its own'),
      post: toldOf('topic', 'Change settings of a topic: set, remove'),
    },
    '/api/v1/topics/{topic}/partitions': {
      post: toldOf('topic', 'Add partitions: count, how many there are to be'),
    },
    '/api/v1/topics/{topic}/delete-records': {
      post: toldOf('topic', 'Delete the oldest records of a partition'),
    },
    '/api/v1/agents/{agent}': { get: toldOf('agent', 'An agent with its files and what it lost') },
    '/api/v1/groups': { get: told('Consumer groups and how far behind each is') },
    '/api/v1/search': {
      get: {
        ...told('Lines straight from the log, in order of time'),
        requestParams: { query: searchParameters },
      },
    },
    '/api/v1/topics/{topic}/records': {
      get: {
        ...told('Records of a partition, without loss'),
        requestParams: { path: z.object({ topic: z.string() }), query: recordParameters },
      },
    },
  }
}

/** Of one thing that the path names. */
function toldOf(name: string, summary: string): ZodOpenApiOperationObject {
  return { ...told(summary), requestParams: { path: z.object({ [name]: z.string() }) } }
}

function told(summary: string, status: '200' | '201' | '204' = '200'): ZodOpenApiOperationObject {
  const refused = {
    description: 'Refused; the detail says why.',
    content: { 'application/problem+json': { schema: problemSchema } },
  }
  return { summary, responses: { [status]: { description: summary }, 400: refused, 401: refused } }
}
