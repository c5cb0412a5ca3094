// The agent against a real Apache Kafka: a file that is rotated, the agent killed with -9 twice, the broker restarted
// once. Every line arrives, and once, when what is sent again is recognised by src and position. Needs a JDK and Maven.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AgentConfig } from '../../agent/config.ts'
import { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { batchView, sizeInBytes } from '../../broker/protocol/record-batch.ts'
import { decodeHeaders } from '../../broker/protocol/record-headers.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import { freePorts } from '../system/appliance.ts'

const script = new URL('../../scripts/real/kafka.sh', import.meta.url).pathname
const main = new URL('../../agent/main.ts', import.meta.url).pathname
const topic = 'agent-lines'

const kafka = (...args: string[]) =>
  execFileSync(script, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

async function startAgent(config: AgentConfig): Promise<ChildProcess> {
  const environment = { ...process.env, TAILRACE_LOG: 'error' }
  const child = spawn(process.execPath, [main, JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment,
  })
  await once(child.stdout!, 'data')
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

interface Kept {
  readonly line: string
  /** Partition and src. */
  readonly source: string
  readonly position: number
  readonly codec: number
}

/** All of the topic, partition by partition in the order of their offsets. */
async function everything(port: number): Promise<Kept[]> {
  const connection = await Connection.open({ host: '127.0.0.1', port, clientId: 'test' })
  try {
    const { topics } = await connection.request(apis.metadata, { topics: [{ name: topic }] })
    const found: Kept[] = []
    const { topicId, partitions } = topics[0]!
    for (const { partitionIndex: partition } of partitions) {
      for (let fetchOffset = 0, isMore = true; isMore; ) {
        const wanted = [{ partition, fetchOffset, partitionMaxBytes: 4_194_304, currentLeaderEpoch: -1 }]
        const answer = await connection.request(apis.fetch, {
          ...{ maxWaitMs: 100, minBytes: 1, maxBytes: 8_388_608 },
          topics: [{ topic, topicId, partitions: wanted }],
        })
        const { records, errorCode, highWatermark } = answer.responses[0]?.partitions[0] ?? {}
        assert.equal(errorCode, 0)
        const bytes = Buffer.from(records ?? [])
        for (let at = 0; at + 12 <= bytes.length && at + sizeInBytes(bytes, at) <= bytes.length; ) {
          const batch = bytes.subarray(at, at + sizeInBytes(bytes, at))
          take(batch, partition, found)
          fetchOffset = batchView.baseOffset(batch, 0) + batchView.lastOffsetDelta(batch, 0) + 1
          at += batch.length
        }
        isMore = fetchOffset < highWatermark!
      }
    }
    return found
  } finally {
    connection.close()
  }
}

function take(batch: Buffer, partition: number, found: Kept[]): void {
  const codec = batchView.attributes(batch, 0) & 7
  walkRecords(batch, (_offset, _time, buffer, _ks, _ke, vs, ve, headersStart, headerCount) => {
    const headers = new Map(
      decodeHeaders(buffer, headersStart, headerCount).map(([name, value]) => [name, String(value)]),
    )
    const source = `${partition} ${headers.get('src')}`
    found.push({ line: buffer.toString('utf8', vs, ve), source, position: Number(headers.get('pos')), codec })
  })
}

/** What an aggregator counts: per partition and src, positions only grow. */
function countOnce(records: readonly Kept[]): Map<string, number> {
  const last = new Map<string, number>()
  const counts = new Map<string, number>()
  for (const { line, source, position } of records) {
    if (position <= (last.get(source) ?? -1)) continue
    last.set(source, position)
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return counts
}

test('rotations, the agent killed twice, Kafka restarted once: every line once', {
  timeout: 240_000,
}, async t => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'agent-on-kafka-'))
  const port = await freePorts(2)
  kafka('start', String(port))
  // Whatever a failure leaves running would keep this file's process for ever.
  const running: (() => void)[] = []
  try {
    const logs = join(directory.path, 'logs')
    mkdirSync(logs)
    writeFileSync(join(directory.path, 'key-seed'), 'seed\n')
    const config: AgentConfig = {
      dataDirectory: join(directory.path, 'data'),
      bootstrap: [`127.0.0.1:${port}`],
      host: 'h',
      keySeedPath: join(directory.path, 'key-seed'),
      inputs: [{ paths: [join(logs, '*.log')], format: 'raw', topic }],
      lingerMs: 20,
    }
    const log = join(logs, 'a.log')
    let written = 0
    let rotations = 0
    const write = () => {
      const lines = Array.from({ length: 40 }, () => `line ${written++} ${'.'.repeat(written % 80)}\n`)
      appendFileSync(log, lines.join(''))
    }
    const writing = setInterval(write, 10)
    const rotating = setInterval(() => {
      renameSync(log, `${log}.${++rotations}`)
      writeFileSync(log, '')
    }, 700)
    running.push(() => clearInterval(writing))
    running.push(() => clearInterval(rotating))
    const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
    write()
    let agent = await startAgent(config)
    running.push(() => agent.kill('SIGKILL'))
    await pause(4_000)
    for (let kill = 0; kill < 2; kill++) {
      await end(agent, 'SIGKILL')
      await pause(300)
      agent = await startAgent(config)
      await pause(2_000)
    }
    const restarting = spawn(script, ['restart'], { stdio: 'inherit' })
    const [code] = (await once(restarting, 'exit')) as [number]
    assert.equal(code, 0, 'Kafka is back')
    await pause(2_000)
    for (const stop of running.splice(0, 2)) stop()
    const deadline = performance.now() + 60_000
    let records = await everything(port)
    while (countOnce(records).size < written && performance.now() < deadline) {
      await pause(500)
      records = await everything(port)
    }
    await end(agent, 'SIGTERM')
    records = await everything(port)
    const counts = countOnce(records)
    assert.equal(counts.size, written, 'none is missing')
    assert.deepEqual(
      [...counts].filter(([, count]) => count !== 1),
      [],
      'none is counted twice',
    )
    assert.deepEqual(new Set(records.map(({ codec }) => codec)), new Set([4]))
    t.diagnostic(
      `${written} lines, ${rotations} rotations, ${records.length - written} sent again after a kill`,
    )
  } finally {
    for (const stop of running) stop()
    kafka('stop')
  }
})
