// What a user may set: one zod schema over tailrace.yaml, TAILRACE_* variables and flags, in that order of
// growing precedence. Reads the file and the environment it is given; starts nothing.
import { resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { isTarget } from '../analytics/alerts/address-guard.ts'
import { ruleSchema } from '../analytics/alerts/rule.ts'
import { statisticsSchema } from '../analytics/fold/custom-schema.ts'
import { nearest } from '../analytics/queries/nearest.ts'
import { funnelsSchema, goalsSchema } from '../analytics/visits/condition-schemas.ts'
import { isZookeeperAddress, parseZookeeperAddress } from '../broker/metadata/zookeeper/address.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { type ConfigFile, type Place, placeText, readConfigFile } from './config-file.ts'
import { inputSchema } from './input-settings.ts'
import { retentionSchema } from './keep-settings.ts'

/** A hundred years. */
const hoursMax = 876_600
const portRule = 'a port is a whole number from 0 to 65535'
const port = z.number(portRule).int(portRule).min(0, portRule).max(65_535, portRule)

export const settingsSchema = z.strictObject({
  data: z.string().min(1, 'name a directory').describe('Directory that holds everything Tailrace keeps'),
  kafkaPort: port.default(9092).describe('Port that Kafka clients connect to'),
  brokers: z
    .number()
    .int()
    .min(1)
    .max(9)
    .optional()
    .describe(
      'Brokers on this machine, on ports from kafkaPort on; by default as many as the data has, at first three',
    ),
  metadata: z
    .string()
    .superRefine((text, context) => {
      const fault = metadataFault(text)
      if (fault) context.addIssue({ code: 'custom', message: fault })
    })
    .default('sqlite')
    .describe(
      'Where the brokers agree: sqlite in the data directory, or zookeeper://h1:2181,h2:2181,h3:2181/path',
    ),
  zookeeper: z
    .strictObject({
      credentials: z.string().optional().describe('File with user:password for digest authentication'),
      ca: z.string().optional().describe('PEM file with the authority of the servers, for zookeeper+tls://'),
      certificate: z.string().optional().describe('PEM file with our own certificate'),
      key: z.string().optional().describe('PEM file with its private key'),
    })
    .default({})
    .describe('Files that open the door to ZooKeeper'),
  public: z
    .string()
    .regex(
      /^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/,
      'write the name or address of this machine, without a port',
    )
    .optional()
    .describe(
      'Name or address by which others reach this machine: opens a port for them, with TLS and logins',
    ),
  publicKafkaPort: port.default(9192).describe('The first port of that, when public is set'),
  publicHttpPort: port
    .default(8443)
    .describe('Port of the dashboard and the API for others, when public is set'),
  reach: z
    .strictObject({
      caFile: z.string().optional().describe('PEM file with the authority that vouches for them'),
      caFingerprint: z.string().optional().describe('SHA-256 of the certificate of that authority, instead'),
      serverName: z.string().optional().describe('The name on their certificate, where it is another'),
      user: z.string().optional().describe('Who logs in, by SCRAM'),
      passwordFile: z.string().optional().describe('File with the password'),
      mechanism: z.enum(['SCRAM-SHA-256', 'SCRAM-SHA-512']).optional().describe('By default SCRAM-SHA-512'),
    })
    .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
      message: 'user and passwordFile go together',
    })
    .optional()
    .describe('How the agent reaches the brokers of bootstrap: TLS, and a login'),
  tls: z
    .strictObject({
      certificate: z.string().describe('PEM file with the chain of certificates that brokers show'),
      key: z.string().describe('PEM file with its private key'),
      ca: z.string().describe('PEM file with the authority that clients and brokers are certified by'),
    })
    .optional()
    .describe('Certificates of your own, instead of those of a private authority that is made for you'),
  connectionsMaxReauthMs: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('After this long a client with a password has to log in again; 0 for never'),
  brokerId: z.number().int().min(1).max(1_000).default(1).describe('Of `tailrace broker`: which one this is'),
  httpPort: port.default(8080).describe('Port of the dashboard, the API and the live socket'),
  inputs: z.array(inputSchema).default([]).describe('What the agent tails'),
  hostMetrics: z.boolean().default(true).describe("Send this host's CPU, memory, disk and load as metrics"),
  statsd: z
    .strictObject({
      host: z.string().default('127.0.0.1').describe('Address that is listened on'),
      port: port.describe('UDP port; 8125 is usual'),
      topic: z.string().default('metrics').describe('Topic to send to'),
    })
    .optional()
    .describe('Listen for statsd, and send what comes'),
  agentStatusPort: port
    .default(0)
    .describe("Loopback port of the agent's health and metrics; 0 for any free one"),
  packages: z.string().optional().describe('Directory with the agents that are handed out to other hosts'),
  retentionHours: z
    .number()
    .positive()
    .max(hoursMax, 'at most 100 years')
    .default(168)
    .describe('How long the log keeps a line'),
  retentionBytes: z
    .number()
    .int()
    .positive()
    .default(2 ** 31)
    .describe('How many bytes a partition keeps'),
  dataDirectoryBytes: z
    .number()
    .int()
    .min(2 ** 24)
    .optional()
    .describe(
      'How many bytes the log of each broker may take in all; by default what the disk has, less a twentieth',
    ),
  replicationThrottleBytesPerSecond: z
    .number()
    .int()
    .min(2 ** 16)
    .default(50 * 2 ** 20)
    .describe('How fast a broker catches up with what it lacks, so that moving data leaves room for traffic'),
  segmentBytes: z
    .number()
    .int()
    .min(2 ** 20)
    .default(2 ** 27)
    .describe('Size at which a segment file is rolled'),
  retention: retentionSchema.default({}).describe('How long statistics are kept, by the width of their step'),
  statisticsBytes: z
    .number()
    .int()
    .min(2 ** 24)
    .optional()
    .describe('How many bytes statistics may take; beyond that the finest are kept for a shorter time'),
  ingestProcesses: z
    .number()
    .int()
    .min(1)
    .max(16)
    .default(1)
    .describe('Processes that count, sharing the partitions; more than one where one core is not enough'),
  timeZone: z
    .string()
    .refine(isTimeZone, 'no such time zone: write an IANA name such as Europe/Berlin')
    .default('UTC')
    .describe('Time zone of days in statistics'),
  statistics: statisticsSchema
    .default([])
    .describe(
      'Statistics of your own: count, sum, quantile, unique or top of a field, filtered, by up to three',
    ),
  apdexMs: z
    .number()
    .int()
    .min(1)
    .default(500)
    .describe('A request within this time satisfies, within four times this it is tolerated'),
  ownHosts: z
    .array(z.string().max(253))
    .default([])
    .describe('Names of your own sites: a link from there is not where somebody came from'),
  countryDatabase: z
    .string()
    .optional()
    .describe('A country database (.mmdb), such as that of @ip-location-db/geo-whois-asn-country-mmdb (CC0)'),
  keepAddresses: z
    .boolean()
    .default(false)
    .describe('Keep whole client addresses in statistics instead of their networks (/24, /48)'),
  goals: goalsSchema
    .default([])
    .describe('What counts as a conversion: a page, or an event with its properties'),
  funnels: funnelsSchema.default([]).describe('Steps towards a goal, 2 to 8, in their order'),
  alerts: z
    .array(ruleSchema)
    .default([])
    .describe('Alert rules, as the API takes them; those that stand here are changed here alone'),
  webhookAllow: z
    .array(
      z.string().refine(isTarget, 'write an address, a network such as 10.0.0.0/8, or the name of a host'),
    )
    .default([])
    .describe('Where webhooks may lead though it is not on the public internet'),
  bootstrap: z
    .string()
    .regex(/^[^\s,]+:\d{1,5}(,[^\s,]+:\d{1,5})*$/, 'write host:port, or several with commas between')
    .optional()
    .describe('Brokers of somebody else, host:port,host:port'),
})

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** Why this is no place for metadata, or null. */
function metadataFault(text: string): string | null {
  if (text === 'sqlite') return null
  if (!isZookeeperAddress(text)) return 'write sqlite, or zookeeper://host:2181,host:2181/path'
  try {
    const { credentials } = parseZookeeperAddress(text)
    return (
      credentials &&
      'every user of the machine could read a password here: name its file, zookeeper.credentials'
    )
  } catch (error) {
    return (error as Error).message
  }
}

export type Settings = z.output<typeof settingsSchema>
export type SettingsInput = z.input<typeof settingsSchema>

/** What the sources say before anything is judged. */
export interface Sources {
  readonly flags: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, unknown>>
  readonly file: ConfigFile
  /** Of the command, beneath everything. */
  readonly defaults: Partial<SettingsInput>
}

export interface SettingsFault {
  readonly place: Place | undefined
  readonly message: string
}

/**
 * Merges the sources and validates them. `flags` are what the command line gave, undefined where it gave nothing.
 * Throws ExitError 78 with file:line:column and the nearest valid name.
 */
export function loadSettings(
  flags: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv,
  configPath: string | undefined,
  defaults: Partial<SettingsInput>,
): Settings {
  const sources = readSources(flags, environment, configPath, defaults)
  const result = judgeSettings(sources)
  if (result.settings) return result.settings
  const lines = result.faults.map(({ place, message }) => placeText(sources.file.path, place) + message)
  throw new ExitError(exitCodes.config, lines.join('\n'))
}

export function readSources(
  flags: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv,
  configPath: string | undefined,
  defaults: Partial<SettingsInput>,
): Sources {
  return {
    flags: definedOnly(flags),
    environment: fromEnvironment(environment),
    file: readConfigFile(configPath ?? (environment['TAILRACE_CONFIG'] || undefined)),
    defaults,
  }
}

type Judged =
  | { readonly settings: Settings; readonly faults: readonly [] }
  | { readonly settings: null; readonly faults: readonly SettingsFault[] }

export function judgeSettings(sources: Sources): Judged {
  const { flags, environment, file, defaults } = sources
  const result = settingsSchema.safeParse(
    { ...defaults, ...file.values, ...environment, ...flags },
    { reportInput: true },
  )
  if (result.success) return { settings: { ...result.data, data: resolve(result.data.data) }, faults: [] }
  return { settings: null, faults: result.error.issues.flatMap(issue => faultsOf(issue, sources)) }
}

/** TAILRACE_KAFKA_PORT=9192 sets kafkaPort; numbers and booleans are written as in YAML. */
function fromEnvironment(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const name of Object.keys(settingsSchema.shape)) {
    const text = environment[variableOf(name)]
    if (text !== undefined) found[name] = parseDocument(text).toJS()
  }
  return found
}

export function variableOf(setting: string): string {
  return `TAILRACE_${setting.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
}

function definedOnly(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}

function faultsOf(issue: z.core.$ZodIssue, { flags, environment, file }: Sources): SettingsFault[] {
  const setting = String(issue.path[0] ?? '')
  // The file may hold the same setting, rightly.
  const isElsewhere = setting in flags || setting in environment
  const place = isElsewhere ? undefined : nearestPlace(issue.path, file)
  if (issue.code !== 'unrecognized_keys') {
    const variable = setting in environment && !(setting in flags) ? ` (${variableOf(setting)})` : ''
    return [
      { place, message: `Setting "${issue.path.map(String).join('.')}"${variable}: ${messageOf(issue)}` },
    ]
  }
  const names = namesUnder(issue.path)
  return issue.keys.map(key => {
    const guess = nearest(key, names)
    const hint = guess ? `: did you mean "${guess}"?` : `; known are ${names.join(', ')}`
    return {
      place: file.placeOfName([...issue.path, key]) ?? place,
      message: `Unknown setting "${key}"${hint}`,
    }
  })
}

/** Of what is not there itself, as a `kind` that was left out: of what it belongs into. */
function nearestPlace(path: readonly PropertyKey[], file: ConfigFile): Place | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const place = file.placeOf(path.slice(0, length))
    if (place) return place
  }
  return undefined
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union' || !issue.discriminator) return issue.message
  const known = namedBy(issue.discriminator, schemaUnder(issue.path.slice(0, -1)))
  const given = (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator]
  const guess = typeof given === 'string' ? nearest(given, known) : undefined
  const what = given === undefined ? 'must be given' : `there is no ${JSON.stringify(given)}`
  return `${what}: ${guess ? `did you mean "${guess}"?` : `write one of ${known.join(', ')}`}`
}

interface JsonSchema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

/** Every shape that may stand at a path. */
function schemaUnder(path: readonly PropertyKey[]): readonly JsonSchema[] {
  const root = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  const shapesOf = (schema: JsonSchema): readonly JsonSchema[] => {
    if (schema.$ref) return shapesOf(root.$defs![schema.$ref.replace('#/$defs/', '')]!)
    return [schema, ...(schema.anyOf ?? schema.oneOf ?? []).flatMap(shapesOf)]
  }
  let shapes = shapesOf(root)
  for (const key of path) {
    const within = shapes.map(({ items, properties }) =>
      typeof key === 'number' ? items : properties?.[String(key)],
    )
    shapes = within.filter(schema => schema !== undefined).flatMap(shapesOf)
  }
  return shapes
}

function namesUnder(path: readonly PropertyKey[]): readonly string[] {
  return [...new Set(schemaUnder(path).flatMap(({ properties = {} }) => Object.keys(properties)))]
}

function namedBy(discriminator: string, shapes: readonly JsonSchema[]): readonly string[] {
  return shapes
    .map(({ properties }) => properties?.[discriminator]?.const)
    .filter(value => typeof value === 'string')
}
