// What every implementation of MetadataStore must keep: the same tests for all. Tests only; contract.test.ts runs them
// on what needs nothing installed, tests/real on real servers. Touches temporary directories and child processes.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Entry, MetadataStore, Position, Version, WatchSink } from './store.ts'

export interface Implementation {
  readonly name: string
  /** Where the store of one test is; the directory is the test's own. */
  readonly place: (directory: string) => string
  /** Handles opened with the same place see the same store. */
  readonly open: (place: string) => Promise<MetadataStore>
}

/** Opens the same store in another process. */
const contender = fileURLToPath(new URL('./contender.ts', import.meta.url))
export const timeoutMs = 5_000
export const bytes = (text: string) => Buffer.from(text)
export const text = (entry: Entry | null) => (entry ? Buffer.from(entry.value).toString() : null)

const clauses: { readonly title: string; readonly body: (place: Place) => Promise<void> }[] = []

/** Every clause as a test of this implementation. */
export function testContract(implementation: Implementation): void {
  for (const { title, body } of clauses) {
    test(`${implementation.name}: ${title}`, { timeout: 20_000 }, async context =>
      body(await placeFor(context, implementation)),
    )
  }
}

function clause(title: string, body: (place: Place) => Promise<void>): void {
  clauses.push({ title, body })
}

clause('an entry is read back with a version of its own, and every write has a new one', async place => {
  const store = await place.open()
  assert.equal(await store.get('a'), null)
  const created = await apply(store, [{ create: 'a', value: bytes('1') }])
  const first = await store.get('a')
  assert.deepEqual(
    [text(first), first?.version, first?.position],
    ['1', created.versions[0], created.position],
  )
  const updated = await apply(store, [{ update: 'a', value: bytes('2'), version: first!.version }])
  assert.notEqual(updated.versions[0], first!.version)
  assert(updated.position > created.position)
  assert.equal(text(await store.get('a')), '2')
})

clause('a stale version, an absent key and a present one conflict, and nothing changes', async place => {
  const store = await place.open()
  const { versions } = await apply(store, [{ create: 'a', value: bytes('1') }])
  await apply(store, [{ update: 'a', value: bytes('2'), version: versions[0]! }])
  const refused = [
    [{ create: 'a', value: bytes('x') }],
    [{ update: 'a', value: bytes('x'), version: versions[0]! }],
    [{ remove: 'a', version: versions[0]! }],
    [{ update: 'b', value: bytes('x'), version: versions[0]! }],
    [{ remove: 'b', version: versions[0]! }],
  ]
  for (const operations of refused) {
    assert.deepEqual(await store.transact([], operations, timeoutMs), { outcome: 'conflict' })
  }
  assert.deepEqual((await store.list('')).entries.map(text), ['2'])
})

clause('a version does not come back when a key is removed and created again', async place => {
  const store = await place.open()
  const first = await apply(store, [{ create: 'a', value: bytes('1') }])
  await apply(store, [{ remove: 'a', version: first.versions[0]! }])
  const second = await apply(store, [{ create: 'a', value: bytes('1') }])
  assert.notEqual(second.versions[0], first.versions[0])
  const guards = [{ key: 'a', version: first.versions[0]! }]
  const result = await store.transact(guards, [{ create: 'b', value: bytes('x') }], timeoutMs)
  assert.equal(result.outcome, 'conflict')
})

clause('a batch is applied as a whole, in order, or not at all', async place => {
  const store = await place.open()
  const epoch = await apply(store, [{ create: 'epoch', value: bytes('1') }])
  const guards = [{ key: 'epoch', version: epoch.versions[0]! }]
  const hundred = Array.from({ length: 100 }, (_, i) => ({ create: `p/${i}`, value: bytes(String(i)) }))
  const half = await store.transact(guards, [...hundred, { create: 'epoch', value: bytes('x') }], timeoutMs)
  assert.equal(half.outcome, 'conflict')
  assert.equal((await store.list('p/')).entries.length, 0)
  const whole = await store.transact(guards, hundred, timeoutMs)
  assert.equal(whole.outcome, 'applied')
  assert.equal((await store.list('p/')).entries.length, 100)
  const old = await store.get('p/7')
  const replaced = await apply(store, [
    { remove: 'p/7', version: old!.version },
    { create: 'p/7', value: bytes('again') },
  ])
  assert.equal(replaced.versions[0], null)
  assert.deepEqual((await store.get('p/7'))?.version, replaced.versions[1])
})

clause('a guard that no longer holds stops a writer that has been replaced', async place => {
  const [old, next] = [await place.open(), await place.open()]
  const elected = await apply(old, [{ create: 'epoch', value: bytes('1') }])
  const mine = { key: 'epoch', version: elected.versions[0]! }
  await apply(next, [{ update: 'epoch', value: bytes('2'), version: mine.version }])
  const late = await old.transact([mine], [{ create: 'topic', value: bytes('by the old one') }], timeoutMs)
  assert.equal(late.outcome, 'conflict')
  assert.equal(await next.get('topic'), null)
})

clause('list() gives the entries under a prefix in key order', async place => {
  const store = await place.open()
  for (const key of ['t/b', 't/a', 't', 'u/a', 't/é', 't0'])
    await apply(store, [{ create: key, value: bytes(key) }])
  const keysOf = async (prefix: string) => (await store.list(prefix)).entries.map(entry => entry.key)
  assert.deepEqual(await keysOf('t/'), ['t/a', 't/b', 't/é'])
  assert.deepEqual(await keysOf('x'), [])
  assert.equal((await keysOf('')).length, 6)
})

clause('what was committed is there for the next process', async place => {
  const store = await place.open()
  await apply(store, [{ create: 'a', value: bytes('kept') }])
  await store.close()
  assert.equal(text(await (await place.open()).get('a')), 'kept')
})

clause('an ephemeral entry lives as long as its session beats, and goes when it is closed', async place => {
  const [owner, other] = [await place.open(), await place.open()]
  const session = await owner.openSession(800)
  await apply(owner, [{ create: 'brokers/1', value: bytes('up'), session }])
  const from = performance.now()
  while (performance.now() - from < 1_000) {
    assert(session.validFor() > 0)
    assert.equal(text(await other.get('brokers/1')), 'up')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  await session.close()
  assert.equal(await session.ended, 'closed')
  assert(session.validFor() <= 0)
  assert.equal(await other.get('brokers/1'), null)
})

clause('an ended session cannot create anything more', async place => {
  const store = await place.open()
  const session = await store.openSession(1_000)
  await session.close()
  const result = await store.transact([], [{ create: 'a', value: bytes('x'), session }], timeoutMs)
  assert.equal(result.outcome, 'conflict')
})

clause('a watch gives a snapshot, then what changed, and per key never goes back', async place => {
  const [writer, watcher] = [await place.open(), await place.open()]
  await apply(writer, [{ create: 't/a', value: bytes('1') }])
  const seen = new Seen()
  const stop = watcher.watch('t/', seen)
  await seen.until(() => seen.state === 't/a=1')
  const a = await writer.get('t/a')
  await apply(writer, [{ update: 't/a', value: bytes('2'), version: a!.version }])
  await apply(writer, [{ create: 't/b', value: bytes('3') }])
  await apply(writer, [{ create: 'u/c', value: bytes('not under the prefix') }])
  await seen.until(() => seen.state === 't/a=2 t/b=3')
  const b = await writer.get('t/b')
  await apply(writer, [{ remove: 't/b', version: b!.version }])
  await seen.until(() => seen.state === 't/a=2')
  assert.equal(seen.wentBack, false)
  stop()
  const told = seen.calls
  await apply(writer, [{ create: 't/z', value: bytes('after') }])
  await apply(watcher, [{ create: 't/y', value: bytes('after') }])
  await watcher.list('')
  assert.equal(seen.calls, told)
})

clause('a watch hears of its own handle’s writes and of entries that expire', async place => {
  const store = await place.open()
  const seen = new Seen()
  store.watch('', seen)
  const holder = place.spawn('hold', 300)
  await holder.says('held')
  await apply(store, [{ create: 'own', value: bytes('1') }])
  await seen.until(() => seen.state === 'held=by a child own=1')
  holder.process.kill('SIGKILL')
  await seen.until(() => seen.state === 'own=1')
})

clause('an entry whose session ended can be made anew, and its old version guards nothing', async place => {
  const store = await place.open()
  const holder = place.spawn('hold', 300)
  await holder.says('held')
  const first = await store.get('held')
  const seen = new Seen()
  store.watch('held', seen)
  holder.process.kill('SIGKILL')
  await seen.until(() => seen.state === '' && seen.calls > 1)
  const session = await store.openSession(300)
  const again = await apply(store, [{ create: 'held', value: bytes('by another'), session }])
  assert(again.position > first!.position)
  const guards = [{ key: 'held', version: first!.version }]
  const result = await store.transact(guards, [{ create: 'a', value: bytes('x') }], timeoutMs)
  assert.deepEqual(result, { outcome: 'conflict' })
  assert.equal(text(await store.get('held')), 'by another')
})

clause('a stopped process loses its session, and knows it when it goes on', async place => {
  const store = await place.open()
  const holder = place.spawn('hold', 300)
  await holder.says('held')
  assert.equal(text(await store.get('held')), 'by a child')
  const seen = new Seen()
  store.watch('held', seen)
  holder.process.kill('SIGSTOP')
  await seen.until(() => seen.state === '' && seen.calls > 1)
  holder.process.kill('SIGCONT')
  const continued = await holder.says('continued')
  assert.equal(continued['isValid'], false, 'before any event says so')
  const ended = await holder.says('ended')
  assert.equal(ended['ended'], 'expired')
})

clause('two processes contending for one key lose no write', async place => {
  const store = await place.open()
  await apply(store, [{ create: 'counter', value: bytes('0') }])
  const contenders = [place.spawn('increment', 60), place.spawn('increment', 60)]
  for (const contender of contenders) await contender.says('conflicts')
  assert.equal(text(await store.get('counter')), '120')
})
export class Place {
  readonly directory: string
  readonly #implementation: Implementation
  readonly #stores: MetadataStore[] = []
  readonly #processes: ChildProcess[] = []

  constructor(directory: string, implementation: Implementation) {
    this.directory = directory
    this.#implementation = implementation
  }

  get at(): string {
    return this.#implementation.place(this.directory)
  }

  async open(): Promise<MetadataStore> {
    const store = await this.#implementation.open(this.at)
    this.#stores.push(store)
    return store
  }

  spawn(task: string, count: number): Contender {
    const args = [contender, this.at, task, String(count)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#processes.push(child)
    return new Contender(child)
  }

  async close(): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    for (const store of this.#stores) await store.close()
    await rm(this.directory, { recursive: true })
  }
}

class Contender {
  readonly process: ChildProcess
  readonly #said: Record<string, unknown>[] = []
  #wake: () => void = () => {}

  constructor(child: ChildProcess) {
    this.process = child
    createInterface({ input: child.stdout! }).on('line', line => {
      this.#said.push(JSON.parse(line))
      this.#wake()
    })
  }

  async says(fact: string): Promise<Record<string, unknown>> {
    for (;;) {
      const said = this.#said.find(facts => fact in facts)
      if (said) return said
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

/** What a watch was told, as the state it converges on. */
export class Seen implements WatchSink {
  readonly #entries = new Map<string, string>()
  readonly #positions = new Map<string, Position>()
  calls = 0
  wentBack = false
  #wake: () => void = () => {}

  get state(): string {
    return [...this.#entries]
      .sort()
      .map(([key, value]) => `${key}=${value}`)
      .join(' ')
  }

  snapshot(entries: readonly Entry[]): void {
    this.#entries.clear()
    for (const entry of entries) this.#entries.set(entry.key, text(entry)!)
    this.calls++
    this.#wake()
  }

  changed(key: string, entry: Entry | null, at: Position): void {
    if (at < (this.#positions.get(key) ?? at)) this.wentBack = true
    this.#positions.set(key, at)
    if (entry) this.#entries.set(key, text(entry)!)
    else this.#entries.delete(key)
    this.calls++
    this.#wake()
  }

  stale(): void {}

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

export async function placeFor(context: TestContext, implementation: Implementation): Promise<Place> {
  const place = new Place(await mkdtemp(join(tmpdir(), 'metadata-')), implementation)
  context.after(() => place.close())
  return place
}

export async function apply(
  store: MetadataStore,
  operations: Parameters<MetadataStore['transact']>[1],
): Promise<{ readonly position: Position; readonly versions: readonly (Version | null)[] }> {
  const result = await store.transact([], operations, timeoutMs)
  assert(result.outcome === 'applied', result.outcome)
  return result
}
