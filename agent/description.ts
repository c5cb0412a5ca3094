// What an agent says of itself to whoever is on its machine: as an object, and as Prometheus text. Pure. No line, no
// key and no password is in it; paths are in the object alone, which is not for everybody.
import type { LossCount } from './loss-tally.ts'
import { frontierOf, type TrackedFile } from './tracker.ts'

export interface FileDescription {
  readonly path: string
  readonly topic: string | null
  readonly format: string | null
  readonly size: number
  /** Everything before it has been read. */
  readonly read: number
  /** Everything before it is acknowledged. */
  readonly acknowledged: number
  readonly gone: boolean
}

export interface AgentDescription {
  readonly agentId: string
  readonly host: string
  readonly version: string
  readonly pid: number
  readonly bootstrap: readonly string[]
  readonly uptimeMs: number
  readonly linesRead: number
  readonly linesAcknowledged: number
  /** By filters and sampling, as the input wants it. */
  readonly linesLeftOut: number
  readonly unacknowledgedBytes: number
  readonly bytesBehind: number
  readonly openFiles: number
  readonly pinnedDeletedBytes: number
  /** Directories of the globs that only the sweep looks at. */
  readonly unwatchedDirectories: number
  readonly lossesOwed: number
  /** Since the start. */
  readonly losses: readonly LossCount[]
  readonly checkpointEpoch: number
  readonly rssBytes: number
  /** What is in the way, in plain words; empty when all is well. */
  readonly errors: readonly string[]
  readonly files: readonly FileDescription[]
}

export function describeFile(tracked: TrackedFile): FileDescription {
  const last = tracked.ranges.at(-1)
  let read = tracked.end
  let acknowledged = tracked.end
  for (const range of tracked.ranges) {
    if (range.orphan) continue
    acknowledged = Math.min(acknowledged, frontierOf(range))
    if (range.read < range.mark) read = Math.min(read, range.read)
  }
  const { path, size, gone } = tracked
  const { topic = null, format = null } = last?.routing ?? {}
  return { path, topic, format, size, read, acknowledged, gone }
}

type NumberName = {
  [Name in keyof AgentDescription]: AgentDescription[Name] extends number ? Name : never
}[keyof AgentDescription]

const numbers: readonly (readonly [NumberName, string, 'counter' | 'gauge', string])[] = [
  ['linesRead', 'lines_read_total', 'counter', 'Lines read from files.'],
  ['linesAcknowledged', 'lines_acknowledged_total', 'counter', 'Lines that a broker has acknowledged.'],
  ['linesLeftOut', 'lines_left_out_total', 'counter', 'Lines that filters or sampling left out.'],
  ['unacknowledgedBytes', 'unacknowledged_bytes', 'gauge', 'Read and not acknowledged, uncompressed.'],
  ['bytesBehind', 'bytes_behind', 'gauge', 'In files, and not acknowledged.'],
  ['openFiles', 'open_files', 'gauge', 'Files that are held open.'],
  ['unwatchedDirectories', 'unwatched_directories', 'gauge', 'Directories that only the sweep looks at.'],
  ['pinnedDeletedBytes', 'pinned_deleted_bytes', 'gauge', 'Of deleted files that are not read to their end.'],
  ['lossesOwed', 'losses_owed', 'gauge', 'Losses that are not in the ledger yet.'],
  ['rssBytes', 'resident_memory_bytes', 'gauge', 'Memory of this process.'],
]

export function metricsText(agent: AgentDescription): string {
  const lines: string[] = []
  const add = (name: string, type: string, help: string, value: number) => {
    const full = `tailrace_agent_${name}`
    lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, `${full} ${value}`)
  }
  for (const [field, name, type, help] of numbers) add(name, type, help, agent[field])
  add('files', 'gauge', 'Files that are known.', agent.files.length)
  add('errors', 'gauge', 'What is in the way at this moment; `agent status` names it.', agent.errors.length)
  add('uptime_seconds', 'counter', 'Since this agent was started.', agent.uptimeMs / 1_000)
  if (agent.losses.length > 0) addLosses(lines, agent.losses)
  return `${lines.join('\n')}\n`
}

function addLosses(lines: string[], losses: readonly LossCount[]): void {
  const name = 'tailrace_agent_losses_total'
  lines.push(`# HELP ${name} What was cut, left out, lost or may be doubled.`, `# TYPE ${name} counter`)
  for (const { reason, losses: count } of losses) lines.push(`${name}{reason="${reason}"} ${count}`)
}
