// Stories of watches: what sinks are told when connections break, changes race with snapshots, and servers refuse.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Entry, Position, Version, WatchSink } from '../store.ts'
import { UnavailableError, Watches, type WatchSource } from './watches.ts'

/** A store whose answers come when the test lets them. */
class Source implements WatchSource {
  readonly values = new Map<string, string>()
  readonly asked: string[] = []
  at = 0n
  isBroken = false
  #waiting: (() => void)[] = []
  isHeld = false

  set(key: string, value: string | null): void {
    this.at++
    if (value === null) this.values.delete(key)
    else this.values.set(key, value)
  }

  async addWatch(): Promise<void> {
    await this.#answer('watch')
  }

  async list(prefix: string): Promise<{ entries: readonly Entry[]; at: Position }> {
    const entries = [...this.values]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key]) => this.#entry(key)!)
    const { at } = this
    await this.#answer(`list ${prefix}`)
    return { entries, at }
  }

  async read(key: string): Promise<{ entry: Entry | null; at: Position }> {
    const result = { entry: this.#entry(key), at: this.at }
    await this.#answer(`read ${key}`)
    return result
  }

  release(): void {
    this.isHeld = false
    for (const go of this.#waiting.splice(0)) go()
  }

  #entry(key: string): Entry | null {
    const value = this.values.get(key)
    if (value === undefined) return null
    return { key, value: Buffer.from(value), version: value as Version, position: this.at }
  }

  async #answer(question: string): Promise<void> {
    this.asked.push(question)
    if (this.isHeld) await new Promise<void>(resolve => this.#waiting.push(resolve))
    if (this.isBroken) throw new UnavailableError('broken')
  }
}

class Sink implements WatchSink {
  readonly told: string[] = []

  snapshot(entries: readonly Entry[], at: Position): void {
    this.told.push(`snapshot ${entries.map(({ key, version }) => `${key}=${version}`).join(' ')} at ${at}`)
  }

  changed(key: string, entry: Entry | null, at: Position): void {
    this.told.push(`${key}=${entry?.version ?? 'gone'} at ${at}`)
  }

  stale(reason: string): void {
    this.told.push(`stale: ${reason}`)
  }
}

function begin() {
  const source = new Source()
  const watches = new Watches(source)
  const sink = new Sink()
  return { source, watches, sink }
}

test('a watch begins with a snapshot, and tells each change once', async () => {
  const { source, watches, sink } = begin()
  source.set('t/a', '1')
  source.set('u', '1')
  watches.add('t/', sink)
  await turn()
  assert.deepEqual(sink.told, [], 'not connected yet')
  watches.established()
  await turn()
  source.set('t/b', '2')
  for (const key of ['t/b', 't/b', 'u']) watches.keyChanged(key)
  await turn()
  watches.keyChanged('t/b')
  await turn()
  source.set('t/a', null)
  watches.keyChanged('t/a')
  await turn()
  assert.deepEqual(sink.told, ['snapshot t/a=1 at 2', 't/b=2 at 3', 't/a=gone at 4'])
  assert.deepEqual(
    source.asked,
    ['watch', 'list t/', 'read t/b', 'read t/b', 'read t/a'],
    'one read for a bunch',
  )
})

test('after a new connection comes a snapshot, for nobody tells what happened in between', async () => {
  const { source, watches, sink } = begin()
  source.set('a', '1')
  watches.add('', sink)
  watches.established()
  await turn()
  watches.interrupted('reset')
  source.set('a', '2')
  source.set('b', '1')
  await turn()
  watches.established()
  await turn()
  assert.deepEqual(sink.told, ['snapshot a=1 at 1', 'stale: reset', 'snapshot a=2 b=1 at 3'])
})

test('a change while the snapshot is read is told after it', async () => {
  const { source, watches, sink } = begin()
  source.set('a', '1')
  watches.add('', sink)
  watches.established()
  await turn()
  const late = new Sink()
  source.isHeld = true
  watches.add('', late)
  await turn()
  source.set('a', '2')
  watches.keyChanged('a')
  source.release()
  await turn()
  assert.deepEqual(late.told, ['snapshot a=1 at 1', 'a=2 at 2'])
  assert.deepEqual(sink.told, ['snapshot a=1 at 1', 'a=2 at 2'])
})

test('a change while a change is read is read again', async () => {
  const { source, watches, sink } = begin()
  watches.add('', sink)
  watches.established()
  await turn()
  source.set('a', '1')
  source.isHeld = true
  watches.keyChanged('a')
  await turn()
  source.set('a', '2')
  watches.keyChanged('a')
  source.release()
  await turn()
  assert.deepEqual(sink.told, ['snapshot  at 0', 'a=1 at 1', 'a=2 at 2'])
})

test('a connection that breaks under a snapshot leaves nothing half told', async () => {
  const { source, watches, sink } = begin()
  source.set('a', '1')
  source.isHeld = true
  watches.add('', sink)
  watches.established()
  await turn()
  watches.interrupted('reset')
  source.isBroken = true
  source.release()
  await turn()
  source.isBroken = false
  watches.established()
  await turn()
  assert.deepEqual(sink.told, ['stale: reset', 'snapshot a=1 at 1'])
})

test('a watch that was stopped hears nothing more, not even the snapshot under way', async () => {
  const { source, watches, sink } = begin()
  source.isHeld = true
  const stop = watches.add('', sink)
  watches.established()
  await turn()
  stop()
  source.release()
  await turn()
  watches.keyChanged('a')
  watches.interrupted('reset')
  await turn()
  assert.deepEqual(sink.told, [])
})

test('servers that refuse to be read make the watch stale until they do not', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const { source, watches, sink } = begin()
  source.isBroken = true
  watches.add('', sink)
  watches.established()
  await turn()
  assert.deepEqual(sink.told, ['stale: broken'])
  source.isBroken = false
  watches.keyChanged('a')
  await turn()
  assert.equal(sink.told.length, 1, 'not before its time')
  context.mock.timers.tick(1_000)
  await turn()
  assert.deepEqual(sink.told, ['stale: broken', 'snapshot  at 0'])
})
