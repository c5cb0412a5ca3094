// The workload's client of another make: a kafkajs process, which is killed when it does not answer. What it had been
// asked is then unknown.
import { type ChildProcess, fork } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChaosClient, ClientOptions, PollResult, SendResult } from './chaos-client.ts'
import type { Key } from './checker/history.ts'
import type { KafkajsAnswer, KafkajsRequest } from './kafkajs-process.ts'

const entry = join(dirname(fileURLToPath(import.meta.url)), 'kafkajs-process.ts')
/** Longer than it waits itself. */
const answerTimeoutMs = 40_000
const closeTimeoutMs = 3_000

/** Without its id. */
type Wish = KafkajsRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never

export class KafkajsClient implements ChaosClient {
  readonly isGrouped = true
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (result: unknown) => void>()
  #id = 0
  #isGone = false

  constructor({ bootstrap, topic, onAnomaly }: ClientOptions) {
    this.#child = fork(entry, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    this.#child.on('message', (message: KafkajsAnswer | { readonly anomaly: string }) => {
      if ('anomaly' in message) return onAnomaly(message.anomaly)
      this.#waiting.get(message.id)?.(message.result)
      this.#waiting.delete(message.id)
    })
    const gone = () => {
      this.#isGone = true
      for (const resolve of this.#waiting.values()) resolve(null)
      this.#waiting.clear()
    }
    this.#child.on('error', gone)
    this.#child.on('exit', gone)
    this.#child.send({ f: 'start', bootstrap, topic })
  }

  async send(key: Key, values: readonly number[]): Promise<SendResult> {
    const result = await this.#ask({ f: 'send', key, values }, answerTimeoutMs)
    return (result as SendResult | null) ?? { type: 'info', offset: null, error: 'no answer of kafkajs' }
  }

  assign(): void {}

  async poll(): Promise<PollResult> {
    const result = await this.#ask({ f: 'poll' }, answerTimeoutMs)
    return (result as PollResult | null) ?? { type: 'info', reads: {}, error: 'no answer of kafkajs' }
  }

  async close(): Promise<void> {
    await this.#ask({ f: 'close' }, closeTimeoutMs)
    this.#child.kill('SIGKILL')
  }

  /** Null when there is no answer, and then there will be none to anything. */
  #ask(wish: Wish, timeoutMs: number): Promise<unknown> {
    if (this.#isGone) return Promise.resolve(null)
    const id = this.#id++
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs)
      this.#waiting.set(id, result => {
        clearTimeout(timer)
        resolve(result)
      })
      this.#child.send({ ...wish, id }, error => {
        if (error) this.#child.kill('SIGKILL')
      })
    })
  }
}
