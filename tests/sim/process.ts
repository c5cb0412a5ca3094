// A process that can be stopped, resumed and killed: what reaches it while it is stopped waits, what reaches an
// earlier life is gone. Pure but for the scheduler.
import type { Scheduler } from './scheduler.ts'

export class SimProcess {
  /** In whose name timers are set just now. */
  static current: SimProcess | null = null
  readonly id: number
  state: 'up' | 'paused' | 'down' = 'down'
  life = 0
  readonly #scheduler: Scheduler
  #inbox: (() => void)[] = []

  constructor(id: number, scheduler: Scheduler) {
    this.id = id
    this.#scheduler = scheduler
  }

  /** Runs now, after the pause, or never. */
  accept(life: number, run: () => void): void {
    if (life !== this.life || this.state === 'down') return
    if (this.state === 'paused') {
      this.#inbox.push(run)
      return
    }
    SimProcess.current = this
    run()
  }

  after(delayMs: number, what: string, run: () => void): void {
    const { life } = this
    this.#scheduler.after(delayMs, `${this.id} ${what}`, () => this.accept(life, run))
  }

  start(): void {
    this.state = 'up'
    this.life++
    this.#inbox = []
  }

  kill(): void {
    this.state = 'down'
    this.life++
    this.#inbox = []
  }

  pause(): void {
    if (this.state === 'up') this.state = 'paused'
  }

  resume(): void {
    if (this.state !== 'paused') return
    this.state = 'up'
    const { life } = this
    for (const run of this.#inbox.splice(0))
      this.#scheduler.after(0, `${this.id} resumed`, () => this.accept(life, run))
  }
}
