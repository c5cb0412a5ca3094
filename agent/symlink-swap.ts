// For tests: somebody swaps a symbolic link between a log and a secret as fast as they can, while we open it. Another
// thread does the swapping, so that it happens between any two system calls of ours.
import { closeSync, mkdirSync, readSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { openRegular, RefusedFileError } from './regular-file.ts'

export interface SwapOutcome {
  readonly swaps: number
  readonly opened: number
  readonly refused: number
  /** How often what was opened held the secret. */
  readonly leaked: number
}

const swapper = `
const { renameSync, symlinkSync } = require('node:fs')
const { link, targets, shared } = require('node:worker_threads').workerData
const count = new Int32Array(shared)
while (Atomics.load(count, 1) === 0) {
  symlinkSync(targets[Atomics.add(count, 0, 1) % targets.length], link + '.next')
  renameSync(link + '.next', link)
}
`

/** `directory`: it is a directory on the way that is swapped, not the file. */
export async function swapSymlinks(swaps: number, directory: boolean): Promise<SwapOutcome> {
  await using scratch = await mkdtempDisposable(join(tmpdir(), 'swap-'))
  const at = (...parts: string[]) => join(scratch.path, ...parts)
  for (const folder of ['logs/good', 'outside']) mkdirSync(at(folder), { recursive: true })
  writeFileSync(at('logs/good/x.log'), 'good\n')
  writeFileSync(at('outside/x.log'), 'secret\n')
  const [link, end] = directory ? [at('logs/link'), ''] : [at('logs/link.log'), '/x.log']
  const targets = [at('logs/good') + end, at('outside') + end]
  symlinkSync(targets[0]!, link)
  const shared = new SharedArrayBuffer(8)
  const count = new Int32Array(shared)
  const worker = new Worker(swapper, { eval: true, workerData: { link, targets, shared } })
  const outcome = { swaps: 0, opened: 0, refused: 0, leaked: 0 }
  const path = directory ? join(link, 'x.log') : link
  const isEnough = () => Atomics.load(count, 0) >= swaps && outcome.opened > 0 && outcome.refused > 0
  try {
    for (let tries = 0; !isEnough(); tries++) {
      openOnce(path, at('logs/'), outcome)
      // The worker's start goes through this thread's event loop.
      if (tries % 100 === 0) await new Promise(resolve => setImmediate(resolve))
    }
  } finally {
    Atomics.store(count, 1, 1)
    await worker.terminate()
  }
  return { ...outcome, swaps: Atomics.load(count, 0) }
}

function openOnce(path: string, root: string, outcome: { opened: number; refused: number; leaked: number }) {
  try {
    const file = openRegular(path, real => real.startsWith(root))
    if (!file) return
    const bytes = Buffer.alloc(16)
    const length = readSync(file.descriptor, bytes, 0, 16, 0)
    closeSync(file.descriptor)
    outcome.opened++
    if (bytes.toString('latin1', 0, length) !== 'good\n') outcome.leaked++
  } catch (error) {
    if (!(error instanceof RefusedFileError)) throw error
    outcome.refused++
  }
}
