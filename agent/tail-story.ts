// For tests of the tailer: a shipper and an aggregator in memory, whose acknowledgements, checkpoints and crashes
// come when the test says so. What it counts is what the real ones would count.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog, type Log } from '../runtime/log.ts'
import type { SavedFile } from './checkpoint.ts'
import type { AgentInput } from './config.ts'
import { Discovery } from './discover.ts'
import type { LineFormat } from './formats/detect.ts'
import { fileIdOfSrc } from './identity.ts'
import { applyChanges, type Changes } from './journal.ts'
import { Router, type Routing } from './routing.ts'
import { Tailer } from './tail.ts'
import type { TailOptions, TailSink } from './tail-options.ts'
import { acknowledge, type Loss, type Range, type Span } from './tracker.ts'

export interface Waiting {
  readonly span: Span
  readonly src: string
  readonly partition: number
  readonly position: number
  readonly line: string
  /** The snapshot that must be durable before it may leave. */
  readonly epoch: number
}

export type TailBounds = Partial<Omit<TailOptions, 'discovery' | 'sink' | 'log'>>

export const storyPartitions = 3

/** What outlives a crash of the agent: the checkpoint, the log, the ledger. */
export class TailStory {
  checkpoint: readonly SavedFile[] | null = null
  /** With it: by when its agent had looked. */
  looked: number
  readonly ledger: Loss[] = []
  readonly counted = new Map<string, number>()
  readonly lastPosition = new Map<string, number>()
  readonly declared: string[] = []
  readonly inputs: readonly AgentInput[]
  readonly log: Log
  routing: Omit<Routing, 'format'> = {
    topic: 'logs',
    partitions: 6,
    keyField: null,
    hashKey: '0123456789abcdef',
  }
  /** How many partitions the topic has, as far as re-sending goes. */
  partitionsMax = Number.POSITIVE_INFINITY
  now = 0
  /** Formats that `auto` came to. */
  readonly decided: LineFormat[] = []
  /** The format of every range that a line was sent under. */
  readonly formats = new Set<LineFormat>()
  /** Bounds that a test wants smaller. */
  readonly bounds: TailBounds

  constructor(inputs: readonly AgentInput[], log: Log, bounds: TailBounds = {}) {
    this.inputs = inputs
    this.log = log
    this.bounds = bounds
    this.looked = (bounds.wallMs ?? Date.now)()
  }

  /** As an aggregator folds it: per src, positions only grow. */
  deliver({ src, partition, position, line }: Waiting): void {
    const key = `${src} ${partition}`
    if (position <= (this.lastPosition.get(key) ?? -1)) return
    this.lastPosition.set(key, position)
    this.counted.set(line, (this.counted.get(line) ?? 0) + 1)
  }
}

export class StoryAgent implements TailSink {
  readonly agentId = 'agent000'
  readonly tailer: Tailer
  readonly #story: TailStory
  #owed: Loss[] = []
  #waiting: Waiting[] = []
  /** Appended to the log, acknowledgement still under way. */
  #sent: Waiting[] = []
  #epoch = 1
  /** The checkpoint of this life: its journal, replayed. */
  readonly #saved = new Map<number, SavedFile>()
  room = true
  leftOutCount = 0
  /** Lines that were read in this life. */
  readonly handed = new Set<string>()

  constructor(story: TailStory) {
    this.#story = story
    const discovery = new Discovery(story.inputs)
    this.tailer = new Tailer({
      discovery,
      sink: this,
      log: story.log,
      drainMs: 0,
      rescanMs: 0,
      ...story.bounds,
    })
    this.tailer.restore({ files: story.checkpoint ?? [], looked: story.looked }, story.now)
  }

  hasRoom(): boolean {
    return this.room
  }

  formatOf(input: number): string {
    return this.#story.inputs[input]!.format
  }

  encodingOf(input: number): string | undefined {
    return this.#story.inputs[input]!.encoding
  }

  decided(_path: string, format: LineFormat): void {
    this.#story.decided.push(format)
  }

  routingOf(_input: number, format: LineFormat, encoding: string | null): Routing {
    return { ...this.#story.routing, format, ...(encoding !== null && { encoding }) }
  }

  isRoutable(routing: Routing): boolean {
    return routing.partitions <= this.#story.partitionsMax
  }

  append(span: Span, bytes: Buffer, start: number, end: number, position: number): void {
    span.pending++
    this.#story.formats.add(span.range.routing.format)
    const line = bytes.toString('latin1', start, end)
    this.handed.add(line)
    const router = (span.range.outlet ??= new Router(
      span.range.routing,
      fileIdOfSrc(span.range.src),
    )) as Router
    const partition = router.route(bytes, start, end, position)
    this.#waiting.push({ span, src: span.range.src, partition, position, line, epoch: this.#epoch })
  }

  leftOut(records: number): void {
    this.leftOutCount += records
  }

  lose(loss: Loss): void {
    this.#owed.push(loss)
  }

  sweep(): void {
    this.#story.now += 250
    this.tailer.sweep(this.#story.now)
  }

  /** The ledger first, then a checkpoint; `crash` dies in between. */
  save(crash = false): void {
    this.#story.ledger.push(...this.#owed.splice(0))
    if (crash) return
    const { text, done } = this.tailer.changes()
    const changes = JSON.parse(text) as Changes
    applyChanges(this.#saved, changes)
    this.#story.looked = changes.looked!
    this.#story.checkpoint = [...this.#saved.values()]
    // What the journal adds up to is what there is.
    const whole = JSON.parse(this.tailer.snapshot().files) as SavedFile[]
    assert.deepEqual(bySerial(this.#story.checkpoint), bySerial(whole))
    this.#epoch++
    for (const range of done) this.#declare(range)
  }

  /**
   * Sends what the last checkpoint covers; `acknowledged` of it comes back. One partition may be out of reach: what
   * belongs there stays behind, while later lines of other partitions are acknowledged.
   */
  ship(acknowledged: (index: number) => boolean, stalled = -1): void {
    const isReady = (one: Waiting) => one.epoch < this.#epoch && one.partition !== stalled
    const ready = this.#waiting.filter(isReady)
    this.#waiting = this.#waiting.filter(one => !isReady(one))
    for (const one of ready) this.#story.deliver(one)
    const sent = [...this.#sent, ...ready]
    this.#sent = []
    sent.forEach((one, index) => {
      if (!acknowledged(index)) this.#sent.push(one)
      else acknowledge(one.span, 1)
    })
  }

  /** Everything that is written is read, sent, acknowledged and known to the checkpoint. */
  settle(): void {
    this.room = true
    for (let round = 0; round < 6; round++) {
      this.sweep()
      // What waits for the sink's answer waits in vain here: then the test must fail, not stand still.
      for (let turn = 0; !this.tailer.isIdle && turn < 100_000; turn++) this.tailer.pump()
      this.save()
      this.ship(() => true)
    }
    this.save()
  }

  crash(): void {
    this.tailer.close()
  }

  #declare(range: Range): void {
    this.#story.declared.push(`${range.src}@${range.mark}`)
    this.tailer.forget(range)
  }
}

function bySerial(files: readonly SavedFile[]): SavedFile[] {
  return files.toSorted((a, b) => a.serial! - b.serial!)
}

const quiet = createLog('test', () => {})

export type TailScene = Awaited<ReturnType<typeof tailScene>>

/** A temporary directory, a story, and an agent that can be restarted. */
export async function tailScene(
  glob = '*.log',
  bounds: TailBounds = {},
  more: (directory: string) => Partial<AgentInput> = () => ({}),
  storyOf = (inputs: readonly AgentInput[]) => new TailStory(inputs, quiet, bounds),
) {
  const directory = await mkdtempDisposable(join(tmpdir(), 'tail-'))
  const input = { paths: [join(directory.path, glob)], format: 'raw', ...more(directory.path) } as const
  const story = storyOf([input])
  let agent = new StoryAgent(story)
  return {
    story,
    at: (name: string) => join(directory.path, name),
    get agent() {
      return agent
    },
    restart() {
      agent.crash()
      agent = new StoryAgent(story)
    },
    counts: () => Object.fromEntries([...story.counted].sort()),
    reasons: () => story.ledger.map(loss => loss.reason),
    async [Symbol.asyncDispose]() {
      agent.crash()
      await directory[Symbol.asyncDispose]()
    },
  }
}
