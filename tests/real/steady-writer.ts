// Writes one numbered value after the other to one partition, by our own idempotent producer, which waits out whatever
// passes; remembers what was acknowledged, and the longest wait for it.
import type { Producer } from '../../broker/client/producer.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'

const pauseMs = 10

export class SteadyWriter {
  readonly acknowledged: string[] = []
  /** Since it was last set to 0. */
  longestPauseMs = 0
  readonly #producer: Producer
  readonly #topic: string
  readonly #partition: number
  readonly #builder = new BatchBuilder(1_024)
  #isStopped = false

  constructor(producer: Producer, topic: string, partition: number) {
    this.#producer = producer
    this.#topic = topic
    this.#partition = partition
  }

  /** Until it is stopped and the last value is acknowledged. */
  async run(): Promise<void> {
    for (let count = 0; !this.#isStopped; count++) {
      const value = `${this.#partition}-${count}`
      const sentMs = performance.now()
      await this.#send(value)
      this.acknowledged.push(value)
      this.longestPauseMs = Math.max(this.longestPauseMs, performance.now() - sentMs)
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  }

  stop(): void {
    this.#isStopped = true
  }

  #send(value: string): Promise<void> {
    this.#builder.append(null, Buffer.from(value), undefined, Date.now())
    const batch = this.#builder.build({ codec: 'none' })
    return new Promise((resolve, reject) => {
      this.#producer.send(this.#topic, this.#partition, batch, error => {
        if (error === null) resolve()
        else reject(new Error(`${value} was refused: ${error}`))
      })
    })
  }
}
