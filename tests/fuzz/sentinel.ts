// A client that behaves, on a thread of its own, while others do not: it produces numbered records, asks for metadata,
// and times each answer, by the clock and by the CPU time that the broker took meanwhile. Told to stop, it says what
// was acknowledged and how long the longest answer took.
import { readFileSync } from 'node:fs'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { WireClient } from '../clients/wire-client.ts'

/** Neither named nor deleted by anything that is made from a seed. */
export const keptTopic = 'kept'

export interface SentinelReport {
  readonly acknowledged: readonly string[]
  readonly requests: number
  readonly slowestMs: number
  /** While one request was waiting: a broker busy with one thing shows here, a busy machine does not. */
  readonly slowestBrokerCpuMs: number
  readonly failure: string | null
}

interface Task {
  readonly port: number
  readonly brokerPid: number
}

const pauseMs = 20
const answerTimeoutMs = 60_000

/** Runs until `stop`. */
export class Sentinel {
  readonly #worker: Worker
  readonly #report: Promise<SentinelReport>

  constructor(port: number, brokerPid: number) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { port, brokerPid } satisfies Task })
    this.#report = new Promise((resolve, reject) => {
      this.#worker.once('message', resolve)
      this.#worker.once('error', reject)
    })
  }

  async stop(): Promise<SentinelReport> {
    this.#worker.postMessage('stop')
    const report = await this.#report
    await this.#worker.terminate()
    return report
  }
}

/** User and system time of a process, in milliseconds; 0 once it is gone. */
export function cpuMsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}

async function watch({ port, brokerPid }: Task): Promise<SentinelReport> {
  let isStopped = false
  parentPort!.once('message', () => {
    isStopped = true
  })
  const acknowledged: string[] = []
  let requests = 0
  let slowestMs = 0
  let slowestBrokerCpuMs = 0
  let failure: string | null = null
  using client = await WireClient.connect(port)
  const timed = async <T>(request: Promise<T>): Promise<T> => {
    const startedMs = performance.now()
    const cpuMs = cpuMsOf(brokerPid)
    const timer = setTimeout(() => client.socket.destroy(), answerTimeoutMs)
    const answer = await request.finally(() => clearTimeout(timer))
    requests++
    slowestMs = Math.max(slowestMs, performance.now() - startedMs)
    slowestBrokerCpuMs = Math.max(slowestBrokerCpuMs, cpuMsOf(brokerPid) - cpuMs)
    return answer
  }
  const builder = new BatchBuilder(1_024)
  try {
    while (!isStopped) {
      const value = `kept ${requests}`
      // Of today, or retention would take it.
      builder.append(null, Buffer.from(value), undefined, Date.now())
      const partitionData = [{ index: 0, records: builder.build({ codec: 'none' }) }]
      const topicData = [{ name: keptTopic, partitionData }]
      const { responses } = await timed(
        client.request(apis.produce, 9, { acks: -1, timeoutMs: 30_000, topicData }),
      )
      const code = responses[0]!.partitionResponses[0]!.errorCode
      // A process that gets no turn for longer than its lease leads nothing until it has the lease again.
      if (code !== 0 && code !== errorCodes.notLeaderOrFollower) throw new Error(`Produce answered ${code}`)
      if (code === 0) acknowledged.push(value)
      const { topics } = await timed(client.request(apis.metadata, 9, { topics: [{ name: keptTopic }] }))
      if (topics[0]?.errorCode !== 0) throw new Error(`Metadata answered ${topics[0]?.errorCode}`)
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  } catch (error) {
    failure = String(error)
  }
  return { acknowledged, requests, slowestMs, slowestBrokerCpuMs, failure }
}

const task = workerData as Task | null
if (parentPort && task?.brokerPid) parentPort.postMessage(await watch(task))
