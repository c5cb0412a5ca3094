// A registry of counters, gauges and histograms, rendered as Prometheus text. No I/O, no clock.

export type Labels = Readonly<Record<string, string>>

interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly render: (lines: string[]) => void
}

/** A number that only grows. Hold on to the object: `add` on a hot path is one addition. */
export interface Counter {
  add(amount?: number): void
  readonly value: number
}

export interface Gauge {
  set(value: number): void
  readonly value: number
}

export interface Histogram {
  observe(value: number): void
}

export class Metrics {
  readonly #families = new Map<string, Family>()
  readonly #series = new Map<string, Map<string, { value: number }>>()

  counter(name: string, help: string, labels: Labels = {}): Counter {
    const cell = this.#cell(name, help, 'counter', labels)
    return {
      add: (amount = 1) => {
        cell.value += amount
      },
      get value() {
        return cell.value
      },
    }
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    const cell = this.#cell(name, help, 'gauge', labels)
    return {
      set: value => {
        cell.value = value
      },
      get value() {
        return cell.value
      },
    }
  }

  /** `read` is called at each scrape, for values that somebody else already keeps. */
  observed(name: string, help: string, read: () => Iterable<readonly [Labels, number]>): void {
    const render = (lines: string[]) => {
      for (const [labels, value] of read()) lines.push(`${name}${labelText(labels)} ${value}`)
    }
    this.#families.set(name, { name, help, type: 'gauge', render })
  }

  /** Cumulative buckets with the given upper bounds, in the unit that the name ends in. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const counts = new Array<number>(bounds.length + 1).fill(0)
    let sum = 0
    let count = 0
    const render = (lines: string[]) => {
      let below = 0
      bounds.forEach((bound, index) => {
        below += counts[index]!
        lines.push(`${name}_bucket{le="${bound}"} ${below}`)
      })
      lines.push(`${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${sum}`, `${name}_count ${count}`)
    }
    this.#families.set(name, { name, help, type: 'histogram', render })
    return {
      observe: value => {
        let index = 0
        while (index < bounds.length && value > bounds[index]!) index++
        counts[index]!++
        sum += value
        count++
      },
    }
  }

  /** Prometheus text format 0.0.4. */
  render(): string {
    const lines: string[] = []
    for (const family of this.#families.values()) {
      lines.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`)
      family.render(lines)
    }
    return `${lines.join('\n')}\n`
  }

  #cell(name: string, help: string, type: 'counter' | 'gauge', labels: Labels): { value: number } {
    let series = this.#series.get(name)
    if (!series) {
      const created = new Map<string, { value: number }>()
      const render = (lines: string[]) => {
        for (const [text, cell] of created) lines.push(`${name}${text} ${cell.value}`)
      }
      this.#series.set(name, created)
      this.#families.set(name, { name, help, type, render })
      series = created
    }
    const key = labelText(labels)
    let cell = series.get(key)
    if (!cell) {
      cell = { value: 0 }
      series.set(key, cell)
    }
    return cell
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
