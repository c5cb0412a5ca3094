// Empties the outbox: every notification until its receiver has taken it, in order for each episode, with growing
// pauses, for a day. A few receivers at once, one notification each, so that a slow one holds up nobody else.
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { AlertStore, Notification } from './alert-store.ts'
import { deliver, type WebhookOptions } from './webhook.ts'

export interface NotifierOptions {
  readonly store: AlertStore
  readonly webhook: WebhookOptions
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
}

const atOnceMax = 4
const firstPauseMs = 1_000
const pauseMaxMs = 600_000
const giveUpAfterMs = 86_400_000

/** Before attempt `attempts + 1`: doubles, and is spread between half and all of it. Pure. */
export function pauseMs(attempts: number, random: number): number {
  const full = Math.min(pauseMaxMs, firstPauseMs * 2 ** Math.min(attempts, 20))
  return Math.round(full * (0.5 + random / 2))
}

export class Notifier {
  readonly #options: NotifierOptions
  readonly #sending = new Map<string, Promise<void>>()
  #closed = false

  constructor(options: NotifierOptions) {
    this.#options = options
  }

  /** Starts what is due; returns at once. */
  tick(): void {
    if (this.#closed || this.#sending.size >= atOnceMax) return
    const { store, clock } = this.#options
    for (const notification of store.due(clock.wallMs(), 100)) {
      if (this.#sending.size >= atOnceMax) return
      if (this.#sending.has(notification.url)) continue
      const sent = this.#send(notification).finally(() => this.#sending.delete(notification.url))
      this.#sending.set(notification.url, sent)
    }
  }

  /** Resolves when what was started has ended. */
  async idle(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending.values())
  }

  close(): void {
    this.#closed = true
  }

  async #send({ id, episode, event, url, body, createdAt, attempts }: Notification): Promise<void> {
    const { store, webhook, clock, log, random } = this.#options
    try {
      await deliver({ id: `${episode}-${event}`, url, body }, clock.wallMs(), webhook)
    } catch (error) {
      if (this.#closed) return
      const { message } = error as Error
      const now = clock.wallMs()
      if (now - createdAt >= giveUpAfterMs) {
        log.error('a notification was given up', { url, event, error: message })
        store.done(id, now, message)
      } else {
        log.warn('a notification did not arrive', { url, event, attempts: attempts + 1, error: message })
        store.retryAt(id, now + pauseMs(attempts, random()), message)
      }
      return
    }
    if (!this.#closed) store.done(id, clock.wallMs(), null)
  }
}
