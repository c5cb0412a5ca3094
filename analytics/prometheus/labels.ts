// A set of labels that is compared and grouped by: its sorted pairs, and one text that is equal where they are. Pure.
export type Pairs = Readonly<Record<string, string>>

export class LabelSet {
  readonly pairs: Pairs
  readonly key: string
  #unnamed: LabelSet | null = null

  constructor(pairs: Pairs) {
    const names = Object.keys(pairs)
      .filter(name => pairs[name] !== '')
      .sort()
    const sorted: Record<string, string> = Object.create(null)
    for (const name of names) sorted[name] = pairs[name]!
    this.pairs = sorted
    this.key = JSON.stringify(names.map(name => [name, sorted[name]]))
  }

  get(name: string): string {
    return this.pairs[name] ?? ''
  }

  /** What is left when a value is no longer that of the metric. */
  get unnamed(): LabelSet {
    this.#unnamed ??= this.without(['__name__'])
    return this.#unnamed
  }

  without(names: readonly string[]): LabelSet {
    return new LabelSet(
      Object.fromEntries(Object.entries(this.pairs).filter(([name]) => !names.includes(name))),
    )
  }

  only(names: readonly string[]): LabelSet {
    return new LabelSet(Object.fromEntries(names.map(name => [name, this.get(name)])))
  }
}
