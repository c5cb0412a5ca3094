// The load generator: `node tests/bench/broker-load.ts '<JSON job>'`. Frames are encoded before the clock runs and
// sent again and again; of answers only the first bytes are looked at. Prints a line when measuring begins and the
// outcome when it is over.
import { connect } from 'node:net'
import { apis } from '../../broker/protocol/apis.ts'
import { Writer } from '../../broker/protocol/bytes.ts'
import { encodeRequest } from '../../broker/protocol/frame.ts'
import { batchOf } from './broker-batches.ts'
import type { ConsumeJob, IdleJob, Job, ProduceJob, SocketJob, TailJob } from './broker-jobs.ts'
import { beginLine, type Outcome } from './broker-jobs.ts'
import { RawConnection } from './raw-connection.ts'
import { quantile } from './usage.ts'

const produceVersion = 9
const fetchVersion = 12
const requestTimeoutMs = 30_000
/** Into an answer of Produce v9 with one topic: correlation, tags, two lengths, the name, a length, index. */
const produceErrorAt = (topic: string) => 4 + 1 + 1 + 1 + topic.length + 1 + 4
/** And of Fetch v12: correlation, tags, throttle time, error, session, lengths and name, index. */
const fetchErrorAt = (topic: string) => 4 + 1 + 4 + 2 + 4 + 1 + 1 + topic.length + 1 + 4
/** From there to the length of the records: error, three offsets, no aborted transactions, no preferred replica. */
const recordsLengthAfter = 2 + 24 + 1 + 4

function produceFrame(job: { topic: string; acks: number }, index: number, records: Buffer): Buffer {
  const writer = new Writer()
  const topicData = [{ name: job.topic, partitionData: [{ index, records }] }]
  const body = { acks: job.acks, timeoutMs: requestTimeoutMs, topicData }
  encodeRequest(writer, apis.produce, produceVersion, 1, 'bench', body)
  return Buffer.from(writer.view())
}

function fetchFrame(
  topic: string,
  partition: number,
  fetchOffset: number,
  bytes: number,
  wait: number,
): Buffer {
  const writer = new Writer()
  const partitions = [{ partition, fetchOffset, partitionMaxBytes: bytes, currentLeaderEpoch: -1 }]
  const body = {
    maxWaitMs: wait,
    minBytes: 1,
    maxBytes: bytes,
    sessionEpoch: -1,
    topics: [{ topic, partitions }],
  }
  encodeRequest(writer, apis.fetch, fetchVersion, 1, 'bench', body)
  return Buffer.from(writer.view())
}

/** The bytes of records in an answer; an error ends the run. */
function recordsIn(head: Buffer, topic: string): number {
  const at = fetchErrorAt(topic)
  const error = head.readInt16BE(at)
  if (error !== 0) throw new Error(`Fetch was answered with error ${error}`)
  let length = 0
  for (let byteAt = at + recordsLengthAfter, shift = 0; ; byteAt++, shift += 7) {
    length |= (head[byteAt]! & 0x7f) << shift
    if (head[byteAt]! < 0x80) return Math.max(0, length - 1)
  }
}

/** Counts what is acknowledged between the beginning and the end of the measured time. */
class Meter {
  readonly latenciesMs: number[] = []
  batches = 0
  failures = 0
  isRunning = false
  #beganMs = 0
  #tookMs = 0

  begin(): void {
    this.isRunning = true
    this.#beganMs = performance.now()
    console.log(beginLine)
  }

  end(): void {
    this.isRunning = false
    this.#tookMs = performance.now() - this.#beganMs
  }

  get elapsedMs(): number {
    return performance.now() - this.#beganMs
  }

  outcome(batchBytes: number): Outcome {
    const at = (q: number) => Number(quantile(this.latenciesMs, q))
    return {
      batches: this.batches,
      bytes: this.batches * batchBytes,
      seconds: this.#tookMs / 1_000,
      failures: this.failures,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
    }
  }
}

/** One connection's share of the partitions, in turn. Latency counts from when a batch was due. */
class Sender {
  readonly #connection: RawConnection
  readonly #frames: readonly Buffer[]
  readonly #meter: Meter
  readonly #dueMs: number[] = []
  readonly #errorAt: number
  #answered = 0
  #next = 0
  onAnswer: (isTaken: boolean) => void = () => {}

  constructor(connection: RawConnection, frames: readonly Buffer[], meter: Meter, topic: string) {
    this.#connection = connection
    this.#frames = frames
    this.#meter = meter
    this.#errorAt = produceErrorAt(topic)
    connection.onFrame = head => this.#onAnswer(head)
  }

  get inFlight(): number {
    return this.#dueMs.length - this.#answered
  }

  send(dueMs: number): void {
    this.#dueMs.push(dueMs)
    this.#connection.send(this.#frames[this.#next++ % this.#frames.length]!)
  }

  #onAnswer(head: Buffer): void {
    const dueMs = this.#dueMs[this.#answered++]!
    const isTaken = head.readInt16BE(this.#errorAt) === 0
    if (this.#meter.isRunning) {
      if (isTaken) this.#meter.batches++
      else this.#meter.failures++
      this.#meter.latenciesMs.push(performance.now() - dueMs)
    }
    if (this.#answered > 10_000) this.#answered -= this.#dueMs.splice(0, 10_000).length
    this.onAnswer(isTaken)
  }
}

async function produce(job: ProduceJob): Promise<void> {
  const { bytes: records } = batchOf(job)
  const frames = Array.from({ length: job.partitions }, (_, index) => produceFrame(job, index, records))
  const meter = new Meter()
  const senders: Sender[] = []
  for (let at = 0; at < job.connections; at++) {
    const own = frames.filter((_, index) => index % job.connections === at)
    senders.push(new Sender(await RawConnection.open(job.port), own, meter, job.topic))
  }
  if (job.batchesPerSecond === null) await saturate(job, senders, meter, records.length)
  else await offer(job, senders, meter, job.batchesPerSecond)
  finish(meter.outcome(records.length))
}

function saturate(job: ProduceJob, senders: readonly Sender[], meter: Meter, batchBytes: number) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const startedMs = performance.now()
  let isOver = false
  const refill = (sender: Sender, isTaken: boolean) => {
    const nowMs = performance.now()
    if (!meter.isRunning && !isOver && isTaken && nowMs - startedMs >= job.warmUpMs) meter.begin()
    const isFull = meter.batches * batchBytes >= job.bytesMax
    if (!isOver && meter.isRunning && (isFull || meter.elapsedMs >= job.durationMs)) {
      isOver = true
      meter.end()
      resolve()
    }
    while (!isOver && sender.inFlight < job.inFlight) sender.send(nowMs)
  }
  for (const sender of senders) {
    sender.onAnswer = isTaken => refill(sender, isTaken)
    refill(sender, false)
  }
  return promise
}

function offer(job: ProduceJob, senders: readonly Sender[], meter: Meter, perSecond: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const startedMs = performance.now()
  let sent = 0
  const tick = () => {
    const nowMs = performance.now()
    if (!meter.isRunning && nowMs - startedMs >= job.warmUpMs) meter.begin()
    if (meter.isRunning && meter.elapsedMs >= job.durationMs) {
      meter.end()
      resolve()
      return
    }
    for (let dueMs = startedMs + (sent / perSecond) * 1_000; dueMs <= nowMs; ) {
      senders[sent++ % senders.length]!.send(dueMs)
      dueMs = startedMs + (sent / perSecond) * 1_000
    }
    setTimeout(tick, 1)
  }
  tick()
  return promise
}

async function consume(job: ConsumeJob): Promise<void> {
  const { bytes, records } = batchOf(job)
  const meter = new Meter()
  const connections = await Promise.all(
    Array.from({ length: job.consumers }, () => RawConnection.open(job.port)),
  )
  meter.begin()
  await Promise.all(connections.map(connection => readAll(connection, job, bytes.length, records, meter)))
  meter.end()
  finish(meter.outcome(bytes.length))
}

function readAll(
  connection: RawConnection,
  job: ConsumeJob,
  batchBytes: number,
  batchRecords: number,
  meter: Meter,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let partition = 0
  let batches = 0
  const ask = () =>
    connection.send(fetchFrame(job.topic, partition, batches * batchRecords, job.fetchBytes, 500))
  connection.onFrame = head => {
    const whole = Math.floor(recordsIn(head, job.topic) / batchBytes)
    batches += whole
    meter.batches += whole
    if (batches >= job.batchesEach) {
      partition++
      batches = 0
    }
    if (partition === job.partitions) resolve()
    else ask()
  }
  ask()
  return promise
}

async function tail(job: TailJob): Promise<void> {
  const { bytes: batch, records } = batchOf(job)
  const meter = new Meter()
  const writer = await RawConnection.open(job.port)
  const reader = await RawConnection.open(job.port)
  const frame = produceFrame({ topic: job.topic, acks: 1 }, 0, batch)
  const startedMs = performance.now()
  const dueOf = (index: number) => startedMs + (index / job.batchesPerSecond) * 1_000
  const { promise, resolve } = Promise.withResolvers<void>()
  let sent = 0
  let received = 0
  const ask = () => reader.send(fetchFrame(job.topic, 0, received * records, 1 << 20, 500))
  reader.onFrame = head => {
    const nowMs = performance.now()
    const whole = Math.floor(recordsIn(head, job.topic) / batch.length)
    for (let at = 0; at < whole; at++, received++) {
      if (meter.isRunning) meter.latenciesMs.push(nowMs - dueOf(received))
      if (meter.isRunning) meter.batches++
    }
    ask()
  }
  ask()
  const tick = () => {
    const nowMs = performance.now()
    if (!meter.isRunning && nowMs - startedMs >= job.warmUpMs) meter.begin()
    if (meter.isRunning && meter.elapsedMs >= job.durationMs) {
      meter.end()
      resolve()
      return
    }
    for (; dueOf(sent) <= nowMs; sent++) writer.send(frame)
    setTimeout(tick, 1)
  }
  tick()
  await promise
  finish(meter.outcome(batch.length))
}

async function idle(job: IdleJob): Promise<void> {
  const writer = new Writer()
  encodeRequest(writer, apis.apiVersions, 0, 1, 'bench', {})
  const question = Buffer.from(writer.view())
  for (let at = 0; at < job.connections; at++) {
    const connection = await RawConnection.open(job.port)
    const answered = new Promise<void>(resolve => {
      connection.onFrame = () => resolve()
    })
    connection.send(question)
    await answered
  }
  console.log(beginLine)
  process.stdin.resume().on('end', () => process.exit())
}

function bareSocket(job: SocketJob): void {
  const zeros = Buffer.alloc(1 << 20)
  const memory = { buffer: Buffer.allocUnsafeSlow(256 * 1_024), callback: () => true }
  const socket = connect({ host: '127.0.0.1', port: job.port, onread: memory })
  const write = () => {
    socket.write(zeros, error => {
      if (error) process.exit()
      else write()
    })
  }
  if (job.kind === 'flood') write()
  socket.on('error', () => process.exit())
  socket.on('close', () => process.exit())
}

/** A broker that refuses is no faster for it. */
function finish(outcome: Outcome): void {
  if (outcome.failures > outcome.batches) {
    console.error(`load: ${outcome.failures} batches were refused, ${outcome.batches} taken`)
    process.exit(1)
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit())
}

const job = JSON.parse(process.argv[2] ?? '') as Job
if (job.kind === 'produce') await produce(job)
else if (job.kind === 'consume') await consume(job)
else if (job.kind === 'tail') await tail(job)
else if (job.kind === 'idle') await idle(job)
else bareSocket(job)
