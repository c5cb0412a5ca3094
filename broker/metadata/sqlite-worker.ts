// The worker thread of the SQLite store: one request at a time but for beats, which overtake a transaction that
// waits for a lock; polls the change log for watchers and the sessions for the dead. A process stopped inside a
// write transaction blocks this thread's attempts, never the event loop of the broker.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { SqliteFile } from './sqlite-file.ts'
import type { FromWorker, ToWorker } from './sqlite-messages.ts'

const pollMs = 20
const reapEveryPolls = 5
const retryMs = 3

assert(parentPort, 'this is a worker thread')
const port = parentPort
/** The first message is the path, and nothing else comes before we are ready. */
const [path] = await once(port, 'message')
const file = new SqliteFile(path as string)
let seen = -1
let isClosed = false
/** Transactions one after the other: the order of the calls is the order of the writes. */
let transactions: Promise<unknown> = Promise.resolve()

const post = (message: FromWorker) => port.postMessage(message)

port.on('message', (message: ToWorker) => {
  const answering = answer(message).then(
    value => post({ type: 'answer', id: message.id, answer: value }),
    error => post({ type: 'failed', id: message.id, error: error as Error }),
  )
  if (message.kind === 'close') answering.then(() => port.close())
})
post({ type: 'ready' })
void poll()

async function answer(message: ToWorker): Promise<unknown> {
  switch (message.kind) {
    case 'get':
      return file.get(message.ask.key)
    case 'list':
      return file.list(message.ask.prefix)
    case 'transact': {
      const { guards, operations, timeoutMs } = message.ask
      const turn = transactions.then(() => persist(() => file.transact(guards, operations), timeoutMs))
      transactions = turn.catch(() => {})
      return turn.finally(tellChanges)
    }
    case 'openSession':
      return file.openSession(message.ask.session, message.ask.ttlMs)
    case 'beat':
      return file.beat(message.ask.session)
    case 'closeSession': {
      const isOver = file.closeSession(message.ask.session)
      file.reap()
      tellChanges()
      return isOver
    }
    case 'watch':
      if (seen < 0) seen = file.list('').at
      return null
    case 'close':
      await transactions
      isClosed = true
      file.close()
      return null
  }
}

/** Tries again while the store is busy, giving beats their turn in between. */
async function persist<T>(attempt: () => T | 'busy', timeoutMs: number): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const result = attempt()
    if (result !== 'busy') return result
    if (performance.now() >= deadlineMs) throw new Error(`Cannot write metadata: busy for ${timeoutMs} ms`)
    await sleep(retryMs)
  }
}

async function poll(): Promise<void> {
  for (let count = 0; !isClosed; count++) {
    try {
      if (count % reapEveryPolls === 0) file.reap()
      if (file.hasNews()) tellChanges()
    } catch (error) {
      post({ type: 'stale', reason: (error as Error).message })
    }
    await sleep(pollMs, undefined, { ref: false })
  }
}

function tellChanges(): void {
  if (seen < 0 || isClosed) return
  const { changed, at } = file.changesSince(seen)
  if (at === seen) return
  seen = at
  post({ type: 'changes', changed, at })
}
