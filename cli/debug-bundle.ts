// `tailrace debug bundle`: what somebody who helps needs to know, in one archive to be sent: versions, settings,
// what doctor finds, what the appliance answers of itself, its metrics, the last lines of its own logs. Redacted as
// redact-bundle.ts says. Reads the data directory and asks the server; writes the one file.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { arch, cpus, freemem, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { AgentsAnswer, ClusterAnswer, LossesAnswer } from '../analytics/http/contract.ts'
import packageJson from '../package.json' with { type: 'json' }
import { explainSettings } from './config-explain.ts'
import { examine } from './doctor.ts'
import { callServer, requestServer } from './login-link.ts'
import { redactLogLine, redactSettings, withoutSecrets } from './redact-bundle.ts'
import type { Settings, Sources } from './settings.ts'
import { type TarEntry, tarOf } from './tar.ts'

const logLinesMax = 500
const secretFiles = ['token', 'key-seed', 'cluster-secret'] as const

export async function debugBundle(
  settings: Settings,
  sources: Sources,
  origin: string,
  nowMs: number,
): Promise<Buffer> {
  const { data } = settings
  const secrets = secretsIn(data)
  const entries: TarEntry[] = []
  const add = (name: string, text: string) => {
    entries.push({ name: `tailrace-debug/${name}`, content: Buffer.from(withoutSecrets(text, secrets)) })
  }
  const addJson = (name: string, value: unknown) => add(name, `${JSON.stringify(value, null, 2)}\n`)
  addJson('versions.json', versions())
  addJson('settings.json', redactSettings(explainSettings(sources, settings)))
  addJson('doctor.json', await examine(settings, origin))
  addJson('status.json', await answersOf(origin, join(data, 'token')))
  const metrics = await requestServer(origin, join(data, 'token'), '/metrics', 'GET').then(
    response => response.text(),
    (error: Error) => `# ${error.message}\n`,
  )
  add('metrics/analytics.prom', metrics)
  for (const name of namesIn(data).filter(one => /^broker-\d+$/.test(one))) {
    const path = join(data, name, 'metrics.prom')
    if (existsSync(path)) add(`metrics/${name}.prom`, readFileSync(path, 'utf8'))
  }
  for (const name of namesIn(join(data, 'log')).filter(one => one.endsWith('.log'))) {
    add(`log/${name}`, logTail(join(data, 'log', name)))
  }
  return gzipSync(tarOf(entries, nowMs))
}

function versions() {
  return {
    ...{ tailrace: packageJson.version, node: process.versions.node, libraries: packageJson.dependencies },
    ...{ platform: platform(), release: release(), arch: arch(), cores: cpus().length },
    ...{ memoryBytes: totalmem(), memoryFreeBytes: freemem() },
  }
}

/** Numbers and names; of agents' errors and of losses' details only how many, for they may quote a line. */
async function answersOf(origin: string, tokenPath: string): Promise<unknown> {
  const ask = <Answer>(path: string) => callServer(origin, tokenPath, path, 'GET') as Promise<Answer>
  try {
    const cluster = await ask<ClusterAnswer>('/api/v1/cluster')
    const { agents } = await ask<AgentsAnswer>('/api/v1/agents')
    const losses = await ask<LossesAnswer>('/api/v1/losses')
    return {
      cluster,
      agents: agents.map(
        ({ agentId, host, version, lastSeen, files, linesPerSecond, bytesBehind, errors }) => {
          const known = { agentId, host, version, lastSeen, files, linesPerSecond, bytesBehind }
          return { ...known, errors: errors.length }
        },
      ),
      losses: {
        totalLines: losses.totalLines,
        entries: losses.entries.map(({ at, reason, lines }) => ({ at, reason, lines })),
      },
    }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

function logTail(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n').slice(-logLinesMax)
  return lines
    .flatMap(line => redactLogLine(line) ?? [])
    .map(line => `${line}\n`)
    .join('')
}

function secretsIn(data: string): string[] {
  return secretFiles.flatMap(name => {
    const path = join(data, name)
    const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
    return text.length >= 4 ? [text] : []
  })
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}
