// What the count may do to the loop that fetches for it. Types only.

/** What ingest needs of a fetch loop; tests bring their own. */
export interface FetchControl {
  seek(topic: string, partition: number, offset: number): void
  remove(topic: string, partition: number): void
  pause(): void
  resume(): void
}
