// The agent: where tailer, shipper, checkpoint and reports are joined. Owns the data directory, the timers and the
// order of the last words: stop reading, send what was read, wait a moment for acknowledgements, write the checkpoint.
import { mkdirSync } from 'node:fs'
import { Cluster } from '../broker/client/cluster.ts'
import { Producer } from '../broker/client/producer.ts'
import type { Clock } from '../runtime/clock.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { newerFormatText } from '../runtime/newer-format.ts'
import { checkpointFormat, loadCheckpoint } from './checkpoint.ts'
import { CheckpointWriter } from './checkpoint-writer.ts'
import type { AgentConfig } from './config.ts'
import { type AgentDescription, describeFile } from './description.ts'
import { Discovery } from './discover.ts'
import { reachOf } from './enrolment.ts'
import { errorsByPath, FileStatuses } from './file-statuses.ts'
import { type AgentIdentity, mintAgentId, readAgentIdentity } from './identity.ts'
import { type DirectoryLock, lockDirectory, writingIn } from './lock.ts'
import { LossTally } from './loss-tally.ts'
import { keepRejected } from './rejected.ts'
import { Reports } from './reports.ts'
import { Shipper } from './ship.ts'
import type { DescribedAgent, TapListener } from './status-server.ts'
import { Tailer } from './tail.ts'
import { baseOf, type Loss, type Range } from './tracker.ts'
import { type Watcher, watchDirectories } from './watch.ts'

const agentVersion = '0.1.0'

const checkpointPeriodMs = 1_000
const statusPeriodMs = 5_000
const topicsPeriodMs = 60_000
/** The whole appliance ends within 3 s; what is not acknowledged by then is sent again at the next start. */
const lastWordsMs = 1_500
const lastWordsStepMs = 5
/** More than so many losses that wait for the ledger are not in a checkpoint: it waits for them. */
const owedKeptMax = 64

export class Agent implements DescribedAgent {
  readonly agentId: string
  readonly #config: AgentConfig
  readonly #clock: Clock
  readonly #log: Log
  readonly #lock: DirectoryLock
  readonly #cluster: Cluster
  readonly #producer: Producer
  readonly #checkpoint: CheckpointWriter
  readonly #reports: Reports
  readonly #losses: LossTally
  readonly #shipper: Shipper
  readonly #discovery: Discovery
  readonly #tailer: Tailer
  readonly #timers: NodeJS.Timeout[] = []
  readonly #taps = new Set<TapListener>()
  readonly #bootstrap: readonly string[]
  readonly #startedAtMs: number
  #watcher: Watcher | null = null
  #doneAtSnapshot: readonly Range[] = []
  #linesAtStatus = 0
  #statusAtMs = 0
  readonly #fileStatuses = new FileStatuses()
  #checkpointError: string | null = null

  constructor(config: AgentConfig, clock: Clock, log: Log) {
    writingIn(config.dataDirectory, () => mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 }))
    this.#config = config
    this.#clock = clock
    this.#log = log
    this.#losses = new LossTally(log)
    this.#lock = lockDirectory(config.dataDirectory)
    const identity = writingIn(config.dataDirectory, () => readAgentIdentity(config.dataDirectory))
    this.agentId = identity.agentId
    // The nonce tells a broker two live agents of one id apart: a copied machine, or a socket that outlived its agent.
    const clientId = `tailrace-agent/${identity.agentId}/${mintAgentId()}`
    const { bootstrap, keySeed, credentials } = reachOf(config)
    this.#bootstrap = bootstrap
    this.#startedAtMs = clock.monotonicMs()
    this.#cluster = new Cluster({
      bootstrap,
      clientId,
      autoCreate: true,
      ...(credentials && { credentials }),
    })
    this.#producer = new Producer({ cluster: this.#cluster, clock, log })
    this.#reports = new Reports(this.#producer, clock, () => this.#checkpoint.request())
    this.#checkpoint = new CheckpointWriter(
      config.dataDirectory,
      () => this.#snapshot(),
      () => this.#onDurable(),
      error => this.#onCheckpointError(error),
      () => this.#changes(),
    )
    this.#shipper = new Shipper({
      config,
      keySeed,
      agentId: identity.agentId,
      cluster: this.#cluster,
      producer: this.#producer,
      clock,
      log,
      checkpoint: this.#checkpoint,
      onRoom: () => this.#tailer.resume(),
      onLoss: loss => this.#lose(loss),
      onSend: ({ topic, partition, bytes }) => {
        for (const tap of this.#taps) tap(topic, partition, bytes)
      },
      onRejected: batch => keepRejected(config.dataDirectory, batch, log),
    })
    this.#discovery = new Discovery(config.inputs)
    this.#tailer = new Tailer({ discovery: this.#discovery, sink: this.#shipper, log })
    this.#restore(identity)
  }

  async start(): Promise<void> {
    const { sweepMs = 250, watch = true } = this.#config
    const every = (periodMs: number, action: () => void) => this.#timers.push(setInterval(action, periodMs))
    this.#statusAtMs = this.#clock.monotonicMs()
    this.#sweep()
    every(sweepMs, () => this.#sweep())
    every(checkpointPeriodMs, () => {
      if (this.#tailer.isChanged) this.#checkpoint.request()
    })
    every(statusPeriodMs, () => this.#reportStatus())
    every(topicsPeriodMs, () => void this.#shipper.refreshTopics())
    this.#reportStatus()
    if (!watch) return
    const onHint = (path: string) => this.#tailer.hint(path, this.#clock.monotonicMs())
    this.#watcher = await watchDirectories(this.#discovery.bases, onHint, this.#log)
  }

  describe(): AgentDescription {
    const { agentId } = this
    return {
      ...{ agentId, host: this.#config.host, version: agentVersion, pid: process.pid },
      bootstrap: this.#bootstrap,
      uptimeMs: this.#clock.monotonicMs() - this.#startedAtMs,
      linesRead: this.#shipper.linesRead,
      linesAcknowledged: this.#shipper.linesAcknowledged,
      linesLeftOut: this.#shipper.linesLeftOut,
      unacknowledgedBytes: this.#shipper.unacknowledgedBytes,
      bytesBehind: this.#tailer.bytesBehind,
      openFiles: this.#tailer.openFileCount,
      pinnedDeletedBytes: this.#tailer.pinnedDeletedBytes,
      unwatchedDirectories: (this.#watcher?.unwatched ?? this.#discovery.bases).length,
      lossesOwed: this.#reports.owed,
      losses: this.#losses.counts,
      checkpointEpoch: this.#checkpoint.durableEpoch,
      rssBytes: process.memoryUsage.rss(),
      errors: this.#errors(),
      files: Array.from(this.#tailer.files, ({ tracked }) => describeFile(tracked)),
    }
  }

  tap(listener: TapListener): () => void {
    this.#taps.add(listener)
    return () => this.#taps.delete(listener)
  }

  /** Before a stop that nobody hurries: what stands in files that may be gone afterwards is read and acknowledged. */
  async caughtUp(withinMs: number): Promise<void> {
    const until = this.#clock.monotonicMs() + withinMs
    // As far as they reach now: what grows all the time would never be done.
    const sizes = Array.from(this.#tailer.files, ({ tracked }) => [tracked, tracked.size] as const)
    const isBehind = () => sizes.some(([tracked, size]) => baseOf(tracked).position < size && !tracked.gone)
    while (isBehind() && this.#clock.monotonicMs() < until) await pause(20)
  }

  /** After a stop in time nothing is sent twice; after one cut short, or a kill, nothing is lost. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#tailer.stop()
    this.#shipper.flush()
    this.#reports.hurry()
    const until = this.#clock.monotonicMs() + lastWordsMs
    const isSettled = () => this.#shipper.isIdle && this.#reports.owed === 0
    while (!isSettled() && this.#clock.monotonicMs() < until) await pause(lastWordsStepMs)
    while (!this.#writeLastCheckpoint() && this.#clock.monotonicMs() < until + lastWordsMs / 3) {
      await pause(lastWordsStepMs)
    }
    if (!isSettled()) this.#log.warn('stopped before everything was acknowledged; it will be sent again')
    await this.#watcher?.close()
    this.#losses.tell()
    this.#reports.close()
    this.#shipper.close()
    this.#producer.close()
    this.#cluster.close()
    this.#tailer.close()
    this.#lock.release()
  }

  #restore(identity: AgentIdentity): void {
    const loaded = loadCheckpoint(this.#config.dataDirectory)
    if (loaded.state === 'newer') {
      this.#lock.release()
      throw writtenByNewer(this.#config.dataDirectory, loaded.format)
    }
    const now = this.#clock.monotonicMs()
    if (loaded.state !== 'missing') for (const loss of loaded.checkpoint?.owed ?? []) this.#lose(loss)
    if (loaded.state === 'current') this.#tailer.restore(loaded.checkpoint, now)
    else if (loaded.state === 'damaged') {
      this.#tailer.restore(loaded.checkpoint ?? { files: [] }, now)
      this.#reportLostCheckpoint('checkpoint-damaged', `the checkpoint cannot be used: ${loaded.reason}`)
    } else if (!identity.first) {
      this.#reportLostCheckpoint('checkpoint-lost', 'the agent has an id but no checkpoint')
    } else writingIn(this.#config.dataDirectory, () => this.#checkpoint.writeNow())
  }

  #reportLostCheckpoint(reason: 'checkpoint-lost' | 'checkpoint-damaged', detail: string): void {
    // Its time is part of the entry's key: each such start is a loss of its own.
    const from = this.#clock.wallMs()
    const text = `${detail}; lines since the last good one may be counted twice`
    this.#shipper.lose({ source: this.agentId, from, to: null, reason, lines: null, detail: text })
  }

  #lose(loss: Loss): void {
    this.#losses.add(loss)
    this.#reports.lose(loss)
  }

  #sweep(): void {
    this.#tailer.sweep(this.#clock.monotonicMs())
  }

  #snapshot(): string | null {
    const owed = this.#owedText()
    if (owed === null) return null
    const { looked, files, done } = this.#tailer.snapshot()
    this.#doneAtSnapshot = done
    return `"looked":${looked}${owed},"files":${files}`
  }

  #changes(): string | null {
    const owed = this.#owedText()
    if (owed === null) return null
    const { text, done } = this.#tailer.changes()
    this.#doneAtSnapshot = done
    return `${text.slice(0, -1)}${owed}}`
  }

  /** What a checkpoint passes is in the ledger already, or in the checkpoint: a crash in between only says it again. */
  #owedText(): string | null {
    if (this.#reports.owed === 0) return ''
    if (this.#reports.owed > owedKeptMax) return null
    const owed = this.#reports.owedLosses
    // Nothing is counted again before the ledger says why.
    if (owed.some(({ reason }) => /^checkpoint-/.test(reason))) return null
    return `,"owed":${JSON.stringify(owed)}`
  }

  #onDurable(): void {
    this.#checkpointError = null
    for (const range of this.#doneAtSnapshot) {
      if (range.declaring) continue
      range.declaring = true
      const forget = () => this.#tailer.forget(range)
      if (range.mark === range.start) forget()
      else this.#reports.finished(range.src, range.mark, forget)
    }
    this.#doneAtSnapshot = []
    this.#shipper.release()
  }

  #onCheckpointError(error: Error): void {
    if (!this.#checkpointError) this.#log.error('cannot write the checkpoint; nothing new is sent', { error })
    this.#checkpointError = `checkpoint: ${error.message}`
    setTimeout(() => this.#checkpoint.request(), checkpointPeriodMs).unref()
  }

  #writeLastCheckpoint(): boolean {
    try {
      // An older agent that reads it knows nothing of what is owed.
      if (this.#reports.owed > 0) return false
      return this.#checkpoint.writeNow()
    } catch (error) {
      this.#log.error('cannot write the last checkpoint', { error: error as Error })
      return true
    }
  }

  #reportStatus(): void {
    const now = this.#clock.monotonicMs()
    const lines = this.#shipper.linesAcknowledged
    const seconds = (now - this.#statusAtMs) / 1_000
    const linesPerSecond = seconds > 0 ? Math.round((lines - this.#linesAtStatus) / seconds) : 0
    this.#linesAtStatus = lines
    this.#statusAtMs = now
    this.#losses.tell()
    const described = Array.from(this.#tailer.files, ({ tracked }) => describeFile(tracked))
    const fileStatuses = this.#fileStatuses.tell(
      described,
      errorsByPath(this.#tailer.errors),
      this.#clock.wallMs(),
    )
    this.#reports.status({
      agentId: this.agentId,
      host: this.#config.host,
      version: agentVersion,
      files: this.#tailer.fileCount,
      linesPerSecond,
      bytesBehind: this.#tailer.bytesBehind,
      errors: this.#errors(),
      bytesPerSecond: fileStatuses.reduce((sum, file) => sum + file.bytesPerSecond, 0),
      behindMs: Math.max(0, ...fileStatuses.map(file => file.behindMs)),
      linesLeftOut: this.#shipper.linesLeftOut,
      fileStatuses,
    })
  }

  #errors(): string[] {
    const sending = sendingError(this.#producer.lastError)
    const all = [this.#checkpointError, sending, ...this.#shipper.waiting, ...this.#tailer.errors]
    return all.filter(error => error !== null).slice(0, 20)
  }
}

function writtenByNewer(dataDirectory: string, format: number): ExitError {
  const text = newerFormatText(format, checkpointFormat)
  const advice = 'An agent that is stopped cleanly leaves a checkpoint that older ones read'
  return new ExitError(exitCodes.config, `Cannot open "${dataDirectory}/checkpoint": ${text}. ${advice}`)
}

/** What a broker of ours answers when an agent with this id is connected already. */
function sendingError(error: string | null): string | null {
  if (!error?.includes('clusterAuthorizationFailed')) return error
  return `${error}: is another agent with this id running, perhaps on a copy of this machine?`
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
