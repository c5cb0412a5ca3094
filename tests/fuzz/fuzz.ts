// A broker in a process of its own under conversations from a seed, with a sentinel beside them. What must hold: the
// process lives and logs no error, the sentinel is answered throughout, memory stays where it was, and afterwards the
// acknowledged records are there and every file of the log is sound. Fails by a list of sentences.
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { apis } from '../../broker/protocol/apis.ts'
import { decodeResponse, FrameSplitter } from '../../broker/protocol/frame.ts'
import { batchEnd, batchView, validateBatch } from '../../broker/protocol/record-batch.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import { Random } from '../chaos/random.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { WireClient } from '../clients/wire-client.ts'
import { type Conversation, conversation, type Step } from './conversations.ts'
import { fuzzTopics, type Known, nothingKnown } from './grammar.ts'
import { keptTopic, Sentinel } from './sentinel.ts'

interface Count {
  frames: number
  connections: number
  answers: number
  /** Connections that the broker has ended. */
  refusals: number
}

export interface FuzzResult extends Readonly<Count> {
  readonly seconds: number
  readonly slowestMs: number
  readonly slowestBrokerCpuMs: number
  readonly grownBytes: number
  readonly failures: readonly string[]
}

const lanes = 32
/** Nothing has come for so long: what is still asked for is waiting for something, and is left alone. */
const quietMs = 50
/** Kept by V8 and by pools that fill as they are used; a leak of a few KB a frame is far above. */
const grownBytesMax = 120 * 2 ** 20
const cpuMsMax = 1_000

export async function fuzz(seed: number, framesWanted: number): Promise<FuzzResult> {
  const topics = [...fuzzTopics, keptTopic].map(name => ({ name, partitions: 1 }))
  await using broker = await BrokerProcess.start(topics)
  const failures: string[] = []
  const known = nothingKnown()
  known.topicIds = await topicIdsOf(broker.port)
  const dice = new Random(seed)
  const sentinel = new Sentinel(broker.port, broker.pid)
  const count: Count = { frames: 0, connections: 0, answers: 0, refusals: 0 }
  const began = performance.now()
  let warmBytes = 0
  const lane = async (): Promise<void> => {
    while (count.frames < framesWanted && isAlive(broker.pid)) {
      const talk = conversation(dice.below(2 ** 32), count.frames)
      count.frames += talk.steps.length
      await hold(broker.port, talk, { ...known }, count)
      if (warmBytes === 0 && count.frames > framesWanted / 2) warmBytes = residentBytesOf(broker.pid)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  const report = await sentinel.stop()
  const grownBytes = residentBytesOf(broker.pid) - warmBytes
  if (!isAlive(broker.pid)) failures.push('the broker has ended')
  if (report.failure !== null) failures.push(`the sentinel: ${report.failure}`)
  if (report.slowestBrokerCpuMs > cpuMsMax)
    failures.push(`the sentinel waited while the broker worked for ${report.slowestBrokerCpuMs} ms`)
  if (grownBytes > grownBytesMax) failures.push(`memory grew by ${grownBytes} bytes in the second half`)
  for (const line of broker.logLines)
    if (line.level === 'error') failures.push(JSON.stringify(line).slice(0, 1_000))
  if (isAlive(broker.pid)) failures.push(...(await differencesAfter(broker, report.acknowledged)))
  const seconds = (performance.now() - began) / 1_000
  const { slowestMs, slowestBrokerCpuMs } = report
  return { ...count, seconds, slowestMs, slowestBrokerCpuMs, grownBytes, failures: failures.slice(0, 20) }
}

async function topicIdsOf(port: number): Promise<string[]> {
  using client = await WireClient.connect(port)
  const { topics } = await client.request(apis.metadata, 12, { topics: fuzzTopics.map(name => ({ name })) })
  return topics.map(({ topicId }) => topicId)
}

/** All steps, on as many connections as it takes: what ends one ends no other step. The number of answers. */
async function hold(port: number, talk: Conversation, known: Known, count: Count): Promise<void> {
  for (let from = 0; from < talk.steps.length; ) {
    const { answers, sent, isClosed } = await holdOne(port, talk, from, known)
    count.connections++
    count.answers += answers
    count.refusals += isClosed ? 1 : 0
    // The first one without an answer has ended it, or waits for something: those behind it have not been served.
    from += Math.min(answers + 1, sent)
  }
}

interface Held {
  readonly answers: number
  readonly sent: number
  /** By the broker. */
  readonly isClosed: boolean
}

/** One connection, from its first byte to its last. */
function holdOne(port: number, { steps, isInTurn }: Conversation, from: number, known: Known): Promise<Held> {
  return new Promise(resolve => {
    const splitter = new FrameSplitter(2 ** 28)
    let sent = 0
    let answers = 0
    let isOurs = false
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const leave = (): void => {
      isOurs = true
      socket.destroy()
    }
    const sendNext = (): void => {
      const step = steps[from + sent]
      if (!step) {
        leave()
        return
      }
      sent++
      socket.write(step.build(known))
    }
    socket.on('connect', () => {
      socket.setTimeout(quietMs)
      do sendNext()
      while (!isInTurn && from + sent < steps.length)
    })
    socket.on('data', chunk => {
      splitter.push(chunk)
      for (let frame = splitter.next(); frame !== null; frame = splitter.next()) {
        if (isInTurn) learn(steps[from + answers]!, frame, known)
        answers++
        if (isInTurn) sendNext()
        else if (from + answers === steps.length) leave()
      }
    })
    // Silence means nothing while the broker has not had its turn: it has when a later connection was answered.
    socket.on('timeout', async () => {
      const before = answers
      await isAnswered(port)
      if (answers === before) leave()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve({ answers, sent, isClosed: !isOurs }))
  })
}

async function isAnswered(port: number): Promise<void> {
  try {
    using client = await WireClient.connect(port)
    await client.request(apis.apiVersions, 0, {})
  } catch {}
}

/** What the next request of a client that behaves would quote. An answer to a damaged request may be of any shape. */
function learn({ api, version }: Step, frame: Buffer, known: Known): void {
  try {
    const answer = decodeResponse(Buffer.from(frame), api, version) as Partial<Known>
    if (answer.memberId) known.memberId = answer.memberId
    if ((answer.generationId ?? -1) >= 0) known.generationId = answer.generationId!
    if (api.key !== apis.initProducerId.key || (answer.producerId ?? -1) < 0) return
    known.producerId = answer.producerId!
    known.producerEpoch = answer.producerEpoch!
  } catch {}
}

async function differencesAfter(broker: BrokerProcess, acknowledged: readonly string[]): Promise<string[]> {
  const found: string[] = []
  if (!holdsAll(await valuesOf(broker.port), acknowledged))
    found.push('acknowledged records are missing, out of order or twice')
  if ((await broker.stop()) !== 0) found.push('the broker did not end cleanly')
  found.push(...faultsOfLogs(broker.config.dataDirectory))
  await broker.start()
  if (!holdsAll(await valuesOf(broker.port), acknowledged))
    found.push('acknowledged records are missing, out of order or twice after a restart')
  return found
}

/** In their order. What was not acknowledged may be there too, in between. */
function holdsAll(values: readonly string[], acknowledged: readonly string[]): boolean {
  let at = 0
  for (const value of values) if (value === acknowledged[at]) at++
  return at === acknowledged.length && new Set(values).size === values.length
}

async function valuesOf(port: number): Promise<string[]> {
  using client = await WireClient.connect(port)
  const values: string[] = []
  for (;;) {
    const partitions = [{ partition: 0, fetchOffset: values.length, partitionMaxBytes: 2 ** 20 }]
    const answer = await client.request(apis.fetch, 11, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [{ topic: keptTopic, partitions }],
    })
    const { records, errorCode } = answer.responses[0]!.partitions[0]!
    if (errorCode !== 0) throw new Error(`Fetch answered ${errorCode}`)
    if (!records || records.length === 0) return values
    for (let at = 0; at < records.length; at = batchEnd(records, at, records.length)) {
      walkRecords(records.subarray(at), (_offset, _time, buffer, _key, _keyEnd, start, end) => {
        values.push(buffer.toString('utf8', start, end))
      })
    }
  }
}

/** Every batch of every segment: whole, with its checksum, offsets rising. */
export function faultsOfLogs(directory: string): string[] {
  const faults: string[] = []
  for (const path of readdirSync(directory, { recursive: true }) as string[]) {
    if (!/-\d+\/\d{20}\.log$/.test(path)) continue
    const bytes = readFileSync(join(directory, path))
    let next = Number(/(\d{20})\.log$/.exec(path)![1])
    for (let at = 0; at < bytes.length; ) {
      const end = batchEnd(bytes, at, bytes.length)
      const error = end < 0 ? 'cut off' : validateBatch(bytes, at, end)
      if (error !== 'none' || batchView.baseOffset(bytes, at) < next) {
        faults.push(`${path} at ${at}: ${error}, offset ${batchView.baseOffset(bytes, at)}, expected ${next}`)
        break
      }
      next = batchView.lastOffset(bytes, at) + 1
      at = end
    }
  }
  return faults
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function residentBytesOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096
  } catch {
    return 0
  }
}
