// A second process for the contract test: contends for a counter, or holds a session, and says on stdout how it went.
// Started with the store's place, what to do, and a number; touches nothing but that store.
import { openMetadataStore } from './open-store.ts'
import type { MetadataStore } from './store.ts'

const [path, task, count] = process.argv.slice(2) as [string, 'increment' | 'hold', string]
const store = await openMetadataStore(path)
if (task === 'increment') {
  const conflicts = await increment(store, Number(count))
  say({ conflicts })
  await store.close()
} else await hold(store, Number(count))

/** Raises the counter so many times, each by a guarded write of what was read. */
async function increment(store: MetadataStore, times: number): Promise<number> {
  let conflicts = 0
  for (let done = 0; done < times; ) {
    const entry = await store.get('counter')
    if (!entry) throw new Error('Cannot increment: there is no counter')
    const value = Buffer.from(String(Number(Buffer.from(entry.value).toString()) + 1))
    const result = await store.transact([], [{ update: 'counter', value, version: entry.version }], 5_000)
    if (result.outcome === 'applied') done++
    else conflicts++
  }
  return conflicts
}

/** Keeps an ephemeral entry until told to look again, as a process does that was stopped and goes on. */
async function hold(store: MetadataStore, ttlMs: number): Promise<void> {
  const session = await store.openSession(ttlMs)
  await store.transact([], [{ create: 'held', value: Buffer.from('by a child'), session }], 5_000)
  session.ended.then(reason => say({ ended: reason, validForMs: session.validFor() }))
  process.on('SIGCONT', () => say({ continued: true, isValid: session.validFor() > 0 }))
  say({ held: true })
  setInterval(() => {}, 1_000)
}

function say(facts: object): void {
  process.stdout.write(`${JSON.stringify(facts)}\n`)
}
