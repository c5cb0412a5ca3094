// What is wrong, or soon will be, with this machine and the appliance on it, each with what to do about it. Looks
// only: at the data directory, the ports, the clock, and what the running appliance answers; a server that does not
// run is a finding of its own and keeps the others from nobody.
import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import type { AgentsAnswer, ClusterAnswer } from '../analytics/http/contract.ts'
import type { EnrolledAnswer } from '../analytics/http/contract-agents.ts'
import packageJson from '../package.json' with { type: 'json' }
import { brokersIn } from './broker-count.ts'
import { bytesText } from './cluster-status.ts'
import { callServer } from './login-link.ts'
import type { Settings } from './settings.ts'
import { expected } from './status.ts'

export type Severity = 'ok' | 'warning' | 'problem'

export interface Finding {
  readonly check: string
  readonly severity: Severity
  readonly detail: string
  /** What to do; null where all is well. */
  readonly fix: string | null
}

export interface DoctorReport {
  readonly healthy: boolean
  readonly findings: readonly Finding[]
}

const dayMs = 86_400_000
const clockSkewMs = 30_000
const openFilesMin = 4_096
const nodeMajorMin = 24
const certificateMs = 14 * dayMs
const diskShareMin = 0.05
const webSocketTimeoutMs = 5_000

const ok = (check: string, detail: string): Finding => ({ check, severity: 'ok', detail, fix: null })
const bad = (check: string, detail: string, fix: string, severity: Severity = 'problem'): Finding => {
  return { check, severity, detail, fix }
}

export async function examine(settings: Settings, origin: string): Promise<DoctorReport> {
  const { data } = settings
  const tokenPath = join(data, 'token')
  const findings = [nodeFinding(process.versions.node), openFilesFinding(openFilesLimit())]
  findings.push(...dataFindings(data), ...certificateFindings(settings, Date.now()))
  if (existsSync(data)) findings.push(diskFinding(settings))
  const answers = await askServer(origin, tokenPath)
  if (answers instanceof Error) {
    findings.push(bad('server', answers.message, `tailrace up --data ${data}`))
    findings.push(...(await portFindings(settings)))
  } else {
    const { cluster, agents } = answers
    findings.push(ok('server', `${origin} answers`))
    findings.push(clusterFinding(cluster), await webSocketFinding(origin, tokenPath))
    findings.push(...agentFindings(agents, Date.now(), packageJson.version))
  }
  return { healthy: findings.every(({ severity }) => severity !== 'problem'), findings }
}

async function askServer(origin: string, tokenPath: string) {
  try {
    const ask = <Answer>(path: string) => callServer(origin, tokenPath, path, 'GET') as Promise<Answer>
    const [cluster, { agents }, { removed }] = await Promise.all([
      ask<ClusterAnswer>('/api/v1/cluster'),
      ask<AgentsAnswer>('/api/v1/agents'),
      ask<EnrolledAnswer>('/api/v1/agents/enrolled'),
    ])
    return { cluster, agents: expected(agents, removed, Date.now()) }
  } catch (error) {
    return error as Error
  }
}

export function nodeFinding(version: string): Finding {
  const isRecent = Number(version.split('.')[0]) >= nodeMajorMin
  if (isRecent) return ok('node', `Node ${version}`)
  return bad('node', `Node ${version} is too old`, `install Node ${nodeMajorMin} or later, or run npm start`)
}

/** Null where the system does not say. */
function openFilesLimit(): number | null {
  try {
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === undefined ? null : limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return null
  }
}

export function openFilesFinding(limit: number | null): Finding {
  if (limit === null) return ok('open files', 'the system does not say how many there may be')
  if (limit >= openFilesMin) return ok('open files', `${limit} may be open`)
  const detail = `only ${limit} files may be open, and every segment and connection is one`
  return bad('open files', detail, 'ulimit -n 65536, or LimitNOFILE=1048576 in the unit')
}

function dataFindings(data: string): Finding[] {
  if (!existsSync(data)) {
    return [
      bad('data', `there is no "${data}" yet`, 'tailrace up, or name the directory with --data', 'warning'),
    ]
  }
  const findings = ['token', 'key-seed', 'cluster-secret', 'metadata.db', 'tls/ca.key'].flatMap(name => {
    const path = join(data, name)
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
    if ((mode & 0o077) === 0) return []
    return [bad('data', `"${path}" can be read by other users`, `chmod 600 ${path}`)]
  })
  const { uid, mode } = statSync(data)
  const own = process.getuid?.()
  if (own !== undefined && own !== 0 && uid !== own) {
    const fix = `run this as the owner, or: chown -R $(id -un) ${data}`
    findings.push(bad('data', `"${data}" belongs to user ${uid}, and this is ${own}`, fix))
  }
  if ((mode & 0o002) !== 0)
    findings.push(bad('data', `"${data}" can be written by everybody`, `chmod o-w ${data}`))
  return findings.length > 0 ? findings : [ok('data', `${data}, its secrets are its owner's alone`)]
}

function diskFinding({ data, retentionBytes, dataDirectoryBytes }: Settings): Finding {
  const { bavail, blocks, bsize } = statfsSync(data)
  const free = bavail * bsize
  const brokers = brokersIn(data)
  const partitions = brokers.reduce((sum, id) => sum + partitionsIn(join(data, `broker-${id}`)), 0)
  const wanted = Math.min(
    retentionBytes * partitions,
    dataDirectoryBytes === undefined ? Number.POSITIVE_INFINITY : dataDirectoryBytes * brokers.length,
  )
  return judgeDisk({ free, size: blocks * bsize, wanted })
}

export function judgeDisk({ free, size, wanted }: Record<'free' | 'size' | 'wanted', number>): Finding {
  const texts = [free, size, wanted].map(bytesText)
  if (free < size * diskShareMin) {
    const fix = 'make room, or keep less: retentionHours, retentionBytes, dataDirectoryBytes'
    return bad('disk', `${texts[0]} of ${texts[1]} are free`, fix)
  }
  if (wanted <= free) return ok('disk', `${texts[0]} free; what is kept takes ${texts[2]} at most`)
  const detail = `${texts[0]} free, and retention allows for ${texts[2]}: the oldest records go earlier than it says`
  return bad('disk', detail, 'set dataDirectoryBytes, or a smaller retentionBytes', 'warning')
}

function partitionsIn(directory: string): number {
  if (!existsSync(directory)) return 0
  return readdirSync(directory).filter(name => /-\d+$/.test(name)).length
}

export function certificateFindings({ data, tls }: Pick<Settings, 'data' | 'tls'>, nowMs: number): Finding[] {
  const paths = tls
    ? [tls.certificate, tls.ca].map(path => resolve(path))
    : ['ca.pem', 'server.pem'].map(name => join(data, 'tls', name)).filter(existsSync)
  return paths.map(path => {
    try {
      const { validToDate } = new X509Certificate(readFileSync(path))
      const leftMs = validToDate.getTime() - nowMs
      const days = Math.floor(leftMs / dayMs)
      if (leftMs > certificateMs) return ok('certificate', `${path} is good for ${days} days`)
      const detail = leftMs > 0 ? `${path} is good for ${days} days only` : `${path} has expired`
      return bad(
        'certificate',
        detail,
        tls ? 'renew it' : 'tailrace up renews it',
        leftMs > 0 ? 'warning' : 'problem',
      )
    } catch (error) {
      return bad('certificate', `${path}: ${(error as Error).message}`, 'check tls in tailrace.yaml')
    }
  })
}

async function portFindings({ kafkaPort, httpPort }: Settings): Promise<Finding[]> {
  const ports = [
    ['Kafka', kafkaPort, '--kafka-port'],
    ['HTTP', httpPort, '--http-port'],
  ] as const
  const findings = ports.map(async ([what, port, flag]) => {
    const error = await openingError(port)
    if (error === null) return ok('port', `${what} port ${port} is free`)
    return bad(
      'port',
      `${what} port ${port} cannot be opened (${error})`,
      `choose another: ${flag} ${port + 100}`,
    )
  })
  return Promise.all(findings)
}

function openingError(port: number): Promise<string | null> {
  const { promise, resolve: settle } = Promise.withResolvers<string | null>()
  const probe = createServer()
  probe.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message))
  probe.listen(port, '127.0.0.1', () => probe.close(() => settle(null)))
  return promise
}

export function clusterFinding({ brokers, partitionCounts }: ClusterAnswer): Finding {
  const down = brokers.filter(({ up, replicas }) => !up && replicas > 0).map(({ id }) => id)
  const { total, offline, underMinIsr, underReplicated } = partitionCounts
  if (down.length === 0 && underReplicated + underMinIsr + offline === 0) {
    return ok('brokers', `${brokers.length} up, all ${total} partitions have their copies in sync`)
  }
  const lacking = `${underReplicated} partitions lack copies, ${underMinIsr} refuse writes, ${offline} have no leader`
  const who = down.length > 0 ? `broker ${down.join(', ')} down; ` : ''
  return bad('brokers', who + lacking, 'tailrace cluster health --watch; see docs/operations.md')
}

export function agentFindings(agents: AgentsAnswer['agents'], nowMs: number, version: string): Finding[] {
  if (agents.length === 0) return [bad('agents', 'none has reported yet', 'tailrace agents add', 'warning')]
  const findings = agents.flatMap(({ agentId, host, lastSeen, version: theirs, errors }) => {
    const name = `${agentId} on ${host}`
    const found: Finding[] = []
    if (lastSeen - nowMs > clockSkewMs) {
      const ahead = Math.round((lastSeen - nowMs) / 1_000)
      found.push(
        bad('clocks', `the clock of ${name} is ${ahead} s ahead`, 'timedatectl set-ntp true, on both'),
      )
    }
    if (nowMs - lastSeen > clockSkewMs) {
      const ago = Math.round((nowMs - lastSeen) / 1_000)
      found.push(
        bad(
          'agents',
          `${name} was seen ${ago} s ago: silent, or its clock is behind`,
          'tailrace agent status, there',
        ),
      )
    }
    if (theirs !== version) {
      found.push(
        bad('agents', `${name} is version ${theirs}, this is ${version}`, 'install the same', 'warning'),
      )
    }
    for (const error of errors) found.push(bad('agents', `${name}: ${error}`, 'tailrace agent status, there'))
    return found
  })
  return findings.length > 0 ? findings : [ok('agents', `${agents.length} seen, clocks and versions agree`)]
}

/** As a page does it: what a proxy in between refuses is seen here. */
async function webSocketFinding(origin: string, tokenPath: string): Promise<Finding> {
  const token = readFileSync(tokenPath, 'utf8').trim()
  const { promise, resolve: settle } = Promise.withResolvers<string | null>()
  const timer = setTimeout(() => settle('no answer'), webSocketTimeoutMs)
  // Node's own WebSocket takes headers.
  const options = { protocols: 'tailrace.v1', headers: { authorization: `Bearer ${token}` } }
  const address = `${origin.replace(/^http/, 'ws')}/api/v1/live`
  const socket = new WebSocket(address, options as unknown as string)
  socket.onopen = () => settle(null)
  socket.onerror = () => settle('refused')
  const error = await promise
  clearTimeout(timer)
  socket.close()
  if (error === null) return ok('live socket', `${origin} opens a WebSocket`)
  const fix = 'let the proxy pass Upgrade and Connection headers of /api/v1/live'
  return bad('live socket', `${origin}/api/v1/live: ${error}`, fix)
}

const marks = { ok: 'ok      ', warning: 'warning ', problem: 'problem ' } as const

export function doctorText({ healthy, findings }: DoctorReport): string {
  const rows = findings.map(({ check, severity, detail, fix }) => {
    return `${marks[severity]}  ${check.padEnd(12)}${detail}\n${fix === null ? '' : `          fix: ${fix}\n`}`
  })
  return `${rows.join('')}${healthy ? 'Nothing is in the way.' : 'Something is in the way: the fixes stand above.'}\n`
}
