// What would be read, and what the first lines of it become: by the very parts that read and send, on copies of the
// beginnings of the files, with a broker that is only said to be there. Sends nothing, keeps nothing.
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SentCallback } from '../broker/client/lane.ts'
import { decodeHeaders } from '../broker/protocol/record-headers.ts'
import { walkRecords } from '../broker/protocol/record-walk.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { AgentConfig } from './config.ts'
import { Discovery } from './discover.ts'
import { readEnrolment } from './enrolment.ts'
import { type ReadFields, readBack } from './read-back.ts'
import { Shipper } from './ship.ts'
import { Tailer } from './tail.ts'

export interface SampleRecord {
  readonly topic: string
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly line: string
  /** What the count will read of it; null where it is not of its format, and will be in the ledger. */
  readonly read: ReadFields
}

export interface FilePlan {
  readonly path: string
  readonly size: number
  readonly format: string | null
  readonly records: readonly SampleRecord[]
  /** What is wrong with it, or null. */
  readonly fault: string | null
}

const sampleBytesMax = 262_144
const partitionsAssumed = 6
const longMs = 86_400_000

export interface DryRunOptions {
  readonly filesMax: number
  readonly recordsMax: number
}

/** In the order of the inputs. Files beyond the bound are listed without a sample. */
export function dryRun(config: AgentConfig, { filesMax, recordsMax }: DryRunOptions, log: Log): FilePlan[] {
  const directory = mkdtempSync(join(tmpdir(), 'tailrace-dry-run-'))
  try {
    const found = new Discovery(config.inputs).scan().toSorted((a, b) => a.input - b.input)
    return found.map(({ path, input }, index) => {
      const copy = join(directory, `${index}.log`)
      try {
        const { size } = statSync(path)
        if (index >= filesMax) return { path, size, format: null, records: [], fault: null }
        writeFileSync(copy, beginningOf(path), { mode: 0o600 })
        const sampled = { ...config, inputs: [{ ...config.inputs[input]!, paths: [copy], exclude: [] }] }
        const records = recordsOf(sampled, log).slice(0, recordsMax)
        return { path, size, format: records[0]?.headers['format'] ?? null, records, fault: null }
      } catch (error) {
        return { path, size: 0, format: null, records: [], fault: (error as Error).message }
      } finally {
        rmSync(copy, { force: true })
      }
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function beginningOf(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(sampleBytesMax)
    const got = readSync(file, bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytes.lastIndexOf(0x0a, got - 1) + 1)
  } finally {
    closeSync(file)
  }
}

function recordsOf(config: AgentConfig, log: Log): SampleRecord[] {
  const records: SampleRecord[] = []
  const partitions = Array.from({ length: partitionsAssumed }, (_, index) => ({
    ...{ index, leaderId: 1, leaderEpoch: 0 },
  }))
  const send = (topic: string, _partition: number, batch: Buffer, callback: SentCallback) => {
    records.push(...recordsIn(topic, batch))
    callback(null, 0)
  }
  let tailer: Tailer | null = null
  const shipper = new Shipper({
    config,
    agentId: 'dry00run',
    keySeed: seedOf(config),
    cluster: {
      topic: name => ({ name, id: '', error: 'none', partitions }),
      refresh: () => Promise.resolve(),
    },
    producer: { send, replace: () => undefined },
    clock: systemClock,
    log,
    checkpoint: { epoch: 0, durableEpoch: 0, request: () => undefined },
    onRoom: () => undefined,
    onLoss: () => undefined,
    onRejected: () => undefined,
  })
  tailer = new Tailer({ discovery: new Discovery(config.inputs), sink: shipper, log })
  try {
    tailer.sweep(systemClock.monotonicMs())
    while (!tailer.isIdle) tailer.pump()
    // What waits for more lines of its record has waited long enough.
    tailer.sweep(systemClock.monotonicMs() + longMs)
    while (!tailer.isIdle) tailer.pump()
    shipper.flush()
  } finally {
    shipper.close()
    tailer.close()
  }
  const position = ({ headers }: SampleRecord) => Number(headers['pos'])
  return records.sort((a, b) => position(a) - position(b))
}

/** The appliance's, or any: then keys are not those that will be sent. */
function seedOf(config: AgentConfig): string {
  if (config.enrolled) return readEnrolment(config.dataDirectory)?.keySeed ?? 'dry-run'
  try {
    return readFileSync(config.keySeedPath, 'utf8').trim()
  } catch {
    return 'dry-run'
  }
}

function recordsIn(topic: string, batch: Buffer): SampleRecord[] {
  const records: SampleRecord[] = []
  walkRecords(batch, (_offset, _time, buffer, ks, ke, vs, ve, headersStart, headerCount) => {
    const headers: Record<string, string> = {}
    for (const [name, value] of decodeHeaders(buffer, headersStart, headerCount)) {
      // Where a sample lies says nothing.
      if (name !== 'src') headers[name] = value?.toString('latin1') ?? ''
    }
    const key = ks < 0 ? null : buffer.toString('latin1', ks, ke)
    const line = buffer.toString('utf8', vs, ve)
    const read = readBack(headers['format'] ?? '', line, systemClock.wallMs())
    records.push({ topic, key, headers, line, read })
  })
  return records
}
