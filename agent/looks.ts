// Which paths are looked at in a sweep: all of them while they are few; of many, those where something happened lately
// and a part of the others, so that every one has its turn. No I/O; time is handed in.

/** Up to this many are all looked at in every sweep. */
const allMax = 200
/** Of more than this many, a turn is a smaller part: 50,000 paths are through in 8 s at four sweeps a second. */
const manyPaths = 2_000
const quietMs = 10_000

export class Looks {
  #paths: ReadonlyMap<string, number> = new Map()
  #names: string[] = []
  #next = 0
  /** When something last happened there. */
  readonly #hot = new Map<string, number>()

  /** All paths of interest, with the input of each. What is new among them is due at once. */
  replace(paths: ReadonlyMap<string, number>, nowMs: number): void {
    const dueOnceMs = nowMs - quietMs + 1
    for (const path of paths.keys()) if (!this.#paths.has(path)) this.#hot.set(path, dueOnceMs)
    for (const path of this.#hot.keys()) if (!paths.has(path)) this.#hot.delete(path)
    this.#paths = paths
    this.#names = [...paths.keys()]
  }

  touch(path: string, nowMs: number): void {
    this.#hot.set(path, nowMs)
  }

  /** In how many sweeps every path has its turn. */
  get sweepsAround(): number {
    if (this.#names.length <= allMax) return 1
    return this.#names.length <= manyPaths ? 8 : 32
  }

  due(nowMs: number): Set<string> {
    const around = this.sweepsAround
    if (around === 1) return new Set(this.#names)
    const due = new Set<string>()
    for (const [path, atMs] of this.#hot) {
      if (nowMs - atMs >= quietMs) this.#hot.delete(path)
      else due.add(path)
    }
    const share = Math.ceil(this.#names.length / around)
    for (let count = 0; count < share; count++) {
      if (this.#next >= this.#names.length) this.#next = 0
      due.add(this.#names[this.#next++]!)
    }
    return due
  }
}
