// Asks the agent of this machine, by the port and token in its data directory, and prints what it says: once, every
// second, or line by line.
import { readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { AgentDescription, FileDescription } from '../agent/description.ts'
import type { LossCount } from '../agent/loss-tally.ts'
import { type StatusAddress, statusPath } from '../agent/status-server.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

const answerTimeoutMs = 5_000
const periodMs = 1_000

/** Throws ExitError 69 when no agent runs with this data directory. */
export async function readAgent(dataDirectory: string): Promise<AgentDescription> {
  const response = await ask(dataDirectory, '/status')
  const chunks = await Array.fromAsync(response as AsyncIterable<Buffer>)
  // An agent that was started before an upgrade does not tell its losses.
  const told = JSON.parse(Buffer.concat(chunks).toString()) as Partial<AgentDescription>
  return { ...(told as AgentDescription), losses: told.losses ?? [] }
}

export function statusText(agent: AgentDescription): string {
  const rows = [
    `agent     ${agent.agentId} on ${agent.host}, pid ${agent.pid}, up ${Math.round(agent.uptimeMs / 1_000)} s`,
    `brokers   ${agent.bootstrap.join(', ')}`,
    `lines     ${agent.linesRead} read, ${agent.linesAcknowledged} acknowledged` +
      (agent.linesLeftOut > 0 ? `, ${agent.linesLeftOut} left out by filters and sampling` : ''),
    `behind    ${bytesText(agent.bytesBehind)}; ${bytesText(agent.unacknowledgedBytes)} on their way`,
    `memory    ${bytesText(agent.rssBytes)}`,
    ...agent.files.map(file => `file      ${fileText(file)}`),
    ...agent.losses.map(lossText),
    ...(agent.lossesOwed > 0 ? [`losses    ${agent.lossesOwed} wait for the ledger`] : []),
    ...agent.errors.map(error => `error     ${error}`),
    agent.errors.length > 0 ? 'Something is in the way.' : 'All is well.',
  ]
  return `${rows.join('\n')}\n`
}

function fileText({ path, topic, format, size, acknowledged, gone }: FileDescription): string {
  const to = topic === null ? 'no line yet' : `${format} → ${topic}`
  return `${path}   ${to}, ${acknowledged} of ${size} bytes${gone ? ', gone' : ''}`
}

function lossText({ reason, losses, detail }: LossCount): string {
  return losses === 1
    ? `loss      ${reason}: ${detail}`
    : `losses    ${losses} times ${reason}, the last: ${detail}`
}

/** Until Ctrl-C, or for one period. */
export async function printTop(
  dataDirectory: string,
  { once = false }: { readonly once?: boolean },
): Promise<void> {
  let before = await readAgent(dataDirectory)
  do {
    await new Promise(resolve => setTimeout(resolve, periodMs))
    const now = await readAgent(dataDirectory)
    if (process.stdout.isTTY && !once) process.stdout.write('\x1b[H\x1b[2J')
    process.stdout.write(topText(before, now))
    before = now
  } while (!once)
}

export function topText(before: AgentDescription, now: AgentDescription): string {
  const seconds = Math.max(0.001, (now.uptimeMs - before.uptimeMs) / 1_000)
  const lines = Math.round((now.linesAcknowledged - before.linesAcknowledged) / seconds)
  const head = `${now.host}  ${lines} lines/s  ${bytesText(now.bytesBehind)} behind  ${bytesText(now.rssBytes)} memory`
  const earlier = new Map(before.files.map(file => [file.path, file.acknowledged]))
  const rows = now.files
    .map(file => {
      const rate = Math.max(0, file.acknowledged - (earlier.get(file.path) ?? 0)) / seconds
      return { file, rate, behind: Math.max(0, file.size - file.acknowledged) }
    })
    .sort((a, b) => b.rate - a.rate || b.behind - a.behind)
    .map(({ file, rate, behind }) => {
      return `${`${bytesText(rate)}/s`.padStart(12)} ${bytesText(behind).padStart(10)}  ${file.path}`
    })
  const errors = now.errors.map(error => `error: ${error}`)
  return `${[head, `${'sent'.padStart(12)} ${'behind'.padStart(10)}  file`, ...rows, ...errors].join('\n')}\n`
}

/** Until Ctrl-C, the agent's end, or so many lines. */
export async function printTap(dataDirectory: string, lines: number | null, json: boolean): Promise<void> {
  if (lines !== null && !(Number.isInteger(lines) && lines > 0)) {
    throw new ExitError(exitCodes.usage, 'Say how many lines: -n 10')
  }
  const response = await ask(dataDirectory, '/tap')
  response.setEncoding('utf8')
  let rest = ''
  let printed = 0
  for await (const chunk of response as AsyncIterable<string>) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    for (const part of parts) {
      const record = JSON.parse(part) as {
        readonly line?: string
        readonly topic?: string
        missedBatches?: number
      }
      if (record.topic === undefined) {
        process.stderr.write(`tailrace: ${record.missedBatches} batches went by unseen\n`)
        continue
      }
      process.stdout.write(json ? `${part}\n` : `${record.topic}  ${record.line}\n`)
      printed++
      if (printed === lines) {
        response.destroy()
        return
      }
    }
  }
}

function ask(dataDirectory: string, path: string): Promise<IncomingMessage> {
  const unavailable = (why: string) => {
    const how = 'Is it running? Name its data directory with --data'
    return new ExitError(exitCodes.unavailable, `Cannot ask the agent of "${dataDirectory}": ${why}. ${how}`)
  }
  let address: StatusAddress
  try {
    address = JSON.parse(readFileSync(statusPath(dataDirectory), 'utf8')) as StatusAddress
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return Promise.reject(unavailable(isMissing ? 'it has no status.json' : (error as Error).message))
  }
  const { port, token } = address
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers }, response => {
      clearTimeout(timer)
      if (response.statusCode === 200) resolve(response)
      else reject(unavailable(`it answers ${response.statusCode}`))
    })
    const timer = setTimeout(() => request.destroy(new Error('no answer')), answerTimeoutMs)
    request.on('error', error => {
      clearTimeout(timer)
      reject(unavailable(error.message))
    })
    request.end()
  })
}

function bytesText(bytes: number): string {
  if (bytes < 1_024) return `${Math.round(bytes)} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length, Math.floor(Math.log(bytes) / Math.log(1_024)))
  return `${(bytes / 1_024 ** power).toFixed(1)} ${units[power - 1]}`
}
