// For tests: lists of random actions (write, rotate each way, truncate, delete, make anew with the same inode, read,
// pause, die, jump in time), played on real files and on a model. A line whose bytes stay, or that was read before they
// went, is counted exactly once; any other at most once, and what a checkpoint knew of stands in the ledger.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { AgentInput } from './config.ts'
import { storyPartitions, type TailBounds, type TailScene, type TailStory, tailScene } from './tail-story.ts'

/** mulberry32: a small generator whose whole state is its seed. */
export function dice(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** One action, and the seed of what it leaves to chance. */
export interface Step {
  readonly name: string
  readonly seed: number
}

const weights = [
  ...['write', 'writeRotated', 'rotate', 'copyTruncate', 'truncate', 'remove', 'recreate', 'jump', 'sweep'],
  ...['pause', 'save', 'saveAndDie', 'ship', 'restart', 'work', 'reroute', 'comeAndGo'],
  ...['write', 'write', 'write', 'write', 'sweep', 'save', 'ship', 'work', 'work', 'work', 'work'],
]

export function stepsOf(seed: number): Step[] {
  const roll = dice(seed)
  return Array.from({ length: 120 }, () => ({ name: weights[roll(weights.length)]!, seed: roll(1_000_000) }))
}

/** The shortest list that still fails, as far as leaving out one action after another leads to it. */
export async function shrink(seed: number, steps: readonly Step[], watched: string): Promise<Step[]> {
  const fails = (some: readonly Step[]) =>
    play(seed, some, watched).then(
      () => false,
      () => true,
    )
  let shortest = [...steps]
  for (let isShorter = true; isShorter; ) {
    isShorter = false
    for (let at = shortest.length - 1; at >= 0; at--) {
      const fewer = shortest.filter((_, index) => index !== at)
      if (!(await fails(fewer))) continue
      shortest = fewer
      isShorter = true
    }
  }
  return shortest
}

/** What the lines look like, and who counts them. */
export interface Stage {
  readonly format: string
  /** The `number`th line, but for its end. */
  line(number: number, filler: string): string
  readonly lineEnd: string
  storyOf(inputs: readonly AgentInput[], bounds: TailBounds): TailStory
  /** When everything is at rest. */
  judge(story: TailStory, told: () => string): void
}

/** `*.log*` has the rotated names in the glob, `*.log` has not. Throws where a promise is broken. */
export async function play(
  seed: number,
  steps: readonly Step[],
  watched: string,
  stage: Stage | null = null,
): Promise<void> {
  // Every third list closes what is read to its end, so that an inode can come back.
  const bounds = seed % 3 === 0 ? { idleFilesMax: 1 } : {}
  await using scene = await (stage === null
    ? tailScene(watched, bounds)
    : tailScene(
        watched,
        bounds,
        () => ({ format: stage.format }),
        inputs => stage.storyOf(inputs, bounds),
      ))
  const played = new PlayedFiles(scene, seed, watched, stage)
  const story: string[] = []
  const told = () => `seed ${seed}: ${story.join(' ')}\n${JSON.stringify(scene.story.ledger)}`
  for (const step of steps) {
    story.push(step.name)
    played.act(step, told)
  }
  scene.agent.settle()
  scene.agent.settle()
  played.judge(told)
  stage?.judge(scene.story, told)
}

/**
 * `known`: a durable checkpoint names it, with so many lines. What is written and truncated away between two looks at
 * a file of which nothing was read yet leaves no trace, and nobody promised anything about it. `findable`: the agent
 * knows of it, or its name is in the globs. `isCut`: nobody has looked since it was copied and truncated. `renewed`:
 * the checkpoint knows of what a truncation took away, and not yet of what came after it.
 */
function newFile() {
  const flags = { findable: true, isCopy: false, isCut: false, renewed: 'no' as 'no' | 'unread' | 'read' }
  return { lines: [] as string[], partial: '', seen: -1, known: -1, ...flags }
}
type PlayedFile = ReturnType<typeof newFile>

/** The files, and what must become of every line. */
class PlayedFiles {
  readonly #scene: TailScene
  readonly #seed: number
  readonly #watched: string
  readonly #stage: Stage | null
  #roll = dice(0)
  #written = 0
  /** In rotation order, with the lines each holds. */
  #files = [newFile()]
  readonly #safe = new Set<string>()
  /** Their bytes are gone, but the agent that lives has read them. */
  readonly #held = new Map<string, { isKnown: boolean }>()
  /** If they are missing, the ledger says something. */
  readonly #risky = new Set<string>()
  /** Somebody looked between copy and truncation: where nothing but the first line tells the copy, it is read too. */
  readonly #perhapsTwice = new Set<string>()

  constructor(scene: TailScene, seed: number, watched: string, stage: Stage | null) {
    this.#stage = stage
    this.#scene = scene
    this.#seed = seed
    this.#watched = watched
    writeFileSync(this.#nameOf(0), '')
  }

  act(step: Step, told: () => string): void {
    this.#roll = dice(step.seed)
    const roll = this.#roll
    const { agent, story } = this.#scene
    const actions: Record<string, () => void> = {
      write: () => this.#write(0, roll(4) > 0),
      writeRotated: () => this.#writeRotated(),
      rotate: () => this.#rotate(told),
      copyTruncate: () => this.#copyTruncate(told),
      truncate: () => this.#truncate(told),
      remove: () => this.#remove(told),
      recreate: () => this.#recreate(told),
      jump: () => {
        story.now += roll(2) > 0 ? 3_600_000 : 1_000
      },
      sweep: () => this.#sweep(told),
      pause: () => {
        agent.room = !agent.room
      },
      save: () => this.#save(),
      saveAndDie: () => {
        agent.save(true)
        this.#restart()
      },
      comeAndGo: () => this.#comeAndGo(told),
      ship: () => agent.ship(() => roll(3) > 0, roll(storyPartitions + 2)),
      restart: () => this.#restart(),
      // What an agent does most of the time.
      work: () => {
        this.#write(0, true)
        this.#sweep(told)
        this.#save()
        agent.ship(() => roll(4) > 0, roll(storyPartitions + 1))
      },
      reroute: () => {
        story.routing = { ...story.routing, partitions: 3 + roll(4) }
      },
    }
    actions[step.name]!()
  }

  judge(told: () => string): void {
    const { counted, ledger } = this.#scene.story
    const isToldTwice = ledger.some(loss => loss.reason === 'possibly-twice: rewritten')
    for (const text of [...this.#safe, ...this.#held.keys()]) {
      assert(counted.has(text), `missing: ${text}\n${told()}`)
    }
    for (const [text, count] of counted) {
      const most = isToldTwice && this.#perhapsTwice.has(text) ? 2 : 1
      assert(count <= most, `${count} times: ${text}\n${told()}`)
    }
    const isMissing = [...this.#risky].some(text => !counted.has(text))
    if (isMissing)
      assert(
        ledger.some(loss => loss.reason !== 'line-cut'),
        told(),
      )
  }

  #nameOf(index: number): string {
    return this.#scene.at(index === 0 ? 'x.log' : `x.log.${index}`)
  }

  #write(index: number, ends: boolean): void {
    const file = this.#files[index]!
    const begun = file.partial === '' ? this.#newLine() : 'rest'
    const text = ends ? begun + (this.#stage?.lineEnd ?? '') : begun
    appendFileSync(this.#nameOf(index), ends ? `${text}\n` : text)
    file.partial += text
    if (!ends) return
    file.lines.push(file.partial)
    if (file.findable) this.#safe.add(file.partial)
    file.partial = ''
  }

  #newLine(): string {
    const number = ++this.#written
    const filler = '.'.repeat(this.#roll(60))
    return this.#stage?.line(number, filler) ?? `line ${number} of seed ${this.#seed} ${filler}`
  }

  /** Nobody writes into a copy. */
  #writeRotated(): void {
    const index = Math.min(this.#files.length - 1, 1)
    if (!this.#files[index]!.isCopy) this.#write(index, true)
  }

  /** Bytes that are no more: a line that was read goes on in memory, any other is lost; it is told what was known. */
  #lose(file: PlayedFile, from = 0, to = file.lines.length): void {
    const { handed } = this.#scene.agent
    file.lines.slice(from, to).forEach((text, index) => {
      const isKnown = from + index < file.known
      this.#safe.delete(text)
      if (handed.has(text)) this.#held.set(text, { isKnown })
      else if (isKnown) this.#risky.add(text)
    })
  }

  #sweep(told: () => string): void {
    const { agent, story } = this.#scene
    agent.sweep()
    for (const file of this.#files) file.seen = file.lines.length
    if (!agent.room) return
    this.#files[0]!.isCut = false
    for (const file of this.#files) if (file.renewed === 'unread') file.renewed = 'read'
    for (let turn = 0; !agent.tailer.isIdle && turn < 1_000; turn++) agent.tailer.pump()
    const isRead = (text: string) => agent.handed.has(text) || story.counted.has(text)
    for (const text of this.#files[0]!.lines) {
      assert(isRead(text), `a sweep with room left this unread: ${text}\n${told()}`)
    }
  }

  #save(): void {
    this.#scene.agent.save()
    for (const file of this.#files) {
      file.known = Math.max(file.known, file.seen)
      if (file.renewed === 'read') file.renewed = 'no'
    }
    for (const line of this.#held.values()) line.isKnown = true
  }

  #restart(): void {
    this.#scene.restart()
    for (const file of this.#files) {
      file.seen = file.known
      if (file.renewed === 'read') file.renewed = 'unread'
    }
    // What only the agent's memory held is gone with it, and the next one says so.
    for (const [text, { isKnown }] of this.#held) {
      if (isKnown && !this.#scene.story.counted.has(text)) this.#risky.add(text)
    }
    this.#held.clear()
  }

  /** Who rotates in two ways at once between two looks hides too much; and a crash in between would forget it. */
  #lookAtCut(told: () => string): void {
    if (!this.#files[0]!.isCut) return
    this.#scene.agent.room = true
    this.#sweep(told)
    this.#save()
  }

  #shift(from: number): void {
    for (let index = this.#files.length - 1; index >= from; index--) {
      renameSync(this.#nameOf(index), this.#nameOf(index + 1))
    }
  }

  #rotate(told: () => string): void {
    this.#lookAtCut(told)
    this.#shift(0)
    writeFileSync(this.#nameOf(0), '')
    this.#files = [newFile(), ...this.#files]
  }

  /** A file is made, written and rotated away while nobody looks, or hardly; often the agent dies at once. */
  #comeAndGo(told: () => string): void {
    const roll = this.#roll
    this.#rotate(told)
    for (let lines = 1 + roll(3); lines > 0; lines--) this.#write(0, true)
    if (roll(2) > 0) this.#scene.agent.sweep()
    this.#rotate(told)
    if (roll(3) > 0) this.#restart()
  }

  #copyTruncate(told: () => string): void {
    const file = this.#files[0]!
    this.#shift(1)
    copyFileSync(this.#nameOf(0), this.#nameOf(1))
    const copied = { ...file, lines: [...file.lines], isCopy: true }
    const copiedLines = file.lines.length
    let isLookedAt = false
    if (this.#roll(2) > 0) {
      // Between the copy and the truncation: only who looks now will ever see it.
      this.#write(0, true)
      isLookedAt = this.#roll(2) > 0
      if (isLookedAt) this.#sweep(told)
      copied.seen = Math.min(file.seen, copiedLines)
    }
    // Cut twice without a look: found only while the first copy is there.
    const isSecond = file.renewed !== 'no'
    const isKnown = this.#cut()
    const isInGlob = this.#watched === '*.log*'
    // A copy outside the globs, of a file of which no checkpoint knows a line, is nobody's.
    copied.findable = file.findable && (isInGlob || (isKnown && !isSecond))
    if (isLookedAt) for (const text of copied.lines) this.#perhapsTwice.add(text)
    // Shorter than what was read, and like it in nothing but the first line, it is not read outside the globs.
    const isInDoubt = isLookedAt && !isInGlob
    if (!copied.findable) this.#lose({ ...file, known: 0 })
    else this.#lose({ ...file, known: isInDoubt ? file.known : 0 }, isInDoubt ? 0 : copiedLines)
    const fresh = { ...newFile(), seen: Math.min(file.seen, 0), known: Math.min(file.known, 0) }
    Object.assign(fresh, { isCut: true, renewed: 'unread' })
    this.#files = [fresh, copied, ...this.#files.slice(1)]
  }

  /** An empty file under the same inode; true when the checkpoint knows of something that it held. */
  #cut(): boolean {
    const { ino } = statSync(this.#nameOf(0))
    const saved = this.#scene.story.checkpoint?.find(file => file.inode === `${ino}` && !file.gone)
    truncateSync(this.#nameOf(0), 0)
    return saved !== undefined && saved.end > 0
  }

  #truncate(told: () => string): void {
    this.#lookAtCut(told)
    const file = this.#files[0]!
    this.#lose(this.#cut() ? file : { ...file, known: 0 })
    const [seen, known] = [Math.min(file.seen, 0), Math.min(file.known, 0)]
    this.#files[0] = { ...newFile(), findable: file.findable, seen, known, renewed: 'unread' }
  }

  #remove(told: () => string): void {
    if (this.#files.length < 3) return
    this.#lookAtCut(told)
    const last = this.#nameOf(this.#files.length - 1)
    if (this.#roll(2) > 0) writeFileSync(`${last}.gz`, gzipSync(readFileSync(last)))
    rmSync(last)
    this.#lose(this.#files.pop()!)
  }

  #recreate(told: () => string): void {
    this.#lookAtCut(told)
    this.#lose(this.#files[0]!)
    rmSync(this.#nameOf(0))
    writeFileSync(this.#nameOf(0), '')
    this.#files[0] = newFile()
  }
}
