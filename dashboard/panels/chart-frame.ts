// Between a chart's component and its plot: once a frame it looks whether anything changed, fills the columns from
// the rings and draws, if the chart is on screen. Also writes the legend's numbers and the spoken words. No React.
import {
  type ChartLine,
  type ChartWindow,
  type Columns,
  emptyColumns,
  fillColumns,
  hasPoints,
  lastPoint,
  summarise,
  windowEndingAt,
} from '../chart-window.ts'
import { formatTime } from '../format.ts'
import type { SeriesMetric } from '../model.ts'
import type { Page } from '../page.ts'
import { loadPlotLibrary, Plot, type PlotLine, type PlotSpec } from './plot.ts'

export interface ChartLineSpec extends PlotLine {
  readonly metric: SeriesMetric
  readonly key: string
  /** Counts per bucket, shown as a rate; otherwise values as they are. */
  readonly counts: boolean
}

export interface ChartSpec extends PlotSpec {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly empty: string
  readonly lines: readonly ChartLineSpec[]
}

/** The elements of a chart that change without React. */
export interface ChartElements {
  readonly host: HTMLElement
  readonly values: readonly HTMLElement[]
  readonly time: HTMLElement
  readonly spoken: HTMLElement
}

const describeEveryMs = 5_000
const speakAfterMs = 400
/** Charts this near are drawn too, so that none is blank when it scrolls into view. */
const nearScreen = '800px 0px'

export class ChartFrame {
  readonly columns: Columns
  readonly #page: Page
  readonly #spec: ChartSpec
  readonly #elements: ChartElements
  readonly #observers: { disconnect(): void }[] = []
  #plot: Plot | null = null
  #gone = false
  #onScreen = true
  #drawnKey = ''
  #describedAt = Number.NEGATIVE_INFINITY
  #cursor: number | null = null
  #speakTimer: number | undefined

  constructor(page: Page, spec: ChartSpec, elements: ChartElements) {
    this.#page = page
    this.#spec = spec
    this.#elements = elements
    this.columns = emptyColumns(spec.lines.length)
    void loadPlotLibrary().then(Library => {
      if (this.#gone) return
      this.#plot = new Plot(Library, elements.host, spec, {
        cursor: index => this.#onCursor(index),
        select: (fromMs, toMs) => page.zoom({ fromMs, toMs }),
        reset: () => page.zoom(null),
      })
      this.#observe()
      this.draw()
    })
  }

  /** Draws if there is something new to draw and someone to see it. */
  readonly draw = (): void => {
    const plot = this.#plot
    const window = this.#window()
    const { zone } = this.#page.store.get().settings
    const key = this.#key(window, zone)
    if (key === this.#drawnKey) return
    const { model } = this.#page
    const { stepMs } = model.ring(this.#spec.lines[0]!.metric)
    const folded = model.foldedUntilMs(this.#page.serverNow())
    fillColumns(this.columns, this.#lines(stepMs), window, stepMs, folded)
    if (!plot || !this.#onScreen) return
    this.#drawnKey = key
    plot.draw(this.columns, window, zone)
    const answered = this.#spec.lines.some(line => model.ring(line.metric).version > 0)
    if (answered) this.#elements.host.dataset['points'] = hasPoints(this.columns) ? 'some' : 'none'
    this.#writeLegend()
    this.#describe()
  }

  /** Arrow keys walk through the buckets; the words follow when the walk pauses. */
  move(steps: number): void {
    const count = this.columns[0].length
    if (count === 0) return
    const from = this.#cursor ?? count - 1
    this.#plot?.pointAt(Math.min(count - 1, Math.max(0, from + steps)))
    window.clearTimeout(this.#speakTimer)
    this.#speakTimer = window.setTimeout(() => this.#speak(), speakAfterMs)
  }

  leave(): void {
    this.#plot?.pointAt(null)
  }

  destroy(): void {
    this.#gone = true
    window.clearTimeout(this.#speakTimer)
    for (const observer of this.#observers) observer.disconnect()
    this.#plot?.destroy()
  }

  #window(): ChartWindow {
    const { zoom } = this.#page.store.get()
    const { range, pausedAt, firstMs } = this.#page.model
    const stepMs = Number(range.step) * 1000
    if (!zoom) return windowEndingAt(pausedAt ?? this.#page.serverNow(), stepMs, range.points, firstMs)
    return { fromMs: Math.floor(zoom.fromMs / stepMs) * stepMs, toMs: Math.ceil(zoom.toMs / stepMs) * stepMs }
  }

  /** Two draws with the same key would paint the same picture. A paused chart keeps the one it has. */
  #key(window: ChartWindow, zone: string): string {
    const { model } = this.#page
    const versions =
      model.pausedAt === null
        ? this.#spec.lines.map(line => model.ring(line.metric).version).join(',')
        : 'paused'
    return `${window.fromMs}-${window.toMs} ${zone} ${versions}`
  }

  #lines(stepMs: number): ChartLine[] {
    return this.#spec.lines.map(({ metric, key, counts }) => ({
      ring: this.#page.model.ring(metric),
      key,
      counts,
      scale: counts ? 1000 / stepMs : 1,
    }))
  }

  #observe(): void {
    const { host } = this.#elements
    const sizes = new ResizeObserver(() => this.#plot?.resize(host.clientWidth, host.clientHeight))
    sizes.observe(host)
    const sight = new IntersectionObserver(
      entries => {
        this.#onScreen = entries.some(entry => entry.isIntersecting)
        if (this.#onScreen) this.draw()
      },
      { rootMargin: nearScreen },
    )
    sight.observe(host)
    const repaint = () => this.#plot?.repaint()
    const theme = new MutationObserver(repaint)
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    const system = window.matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', repaint)
    this.#observers.push(sizes, sight, theme, {
      disconnect: () => system.removeEventListener('change', repaint),
    })
  }

  #onCursor(index: number | null): void {
    this.#cursor = index
    this.#writeLegend()
  }

  /** The values under the cursor, or the newest. */
  #writeLegend(): void {
    const { values, time } = this.#elements
    const at = this.#cursor
    values.forEach((element, line) => {
      const column = this.columns[line + 1] as (number | null)[]
      const value = at === null ? lastPoint(column) : (column[at] ?? null)
      element.textContent = value === null ? '–' : this.#spec.format(value)
    })
    time.textContent = at === null ? '' : this.#timeAt(at)
  }

  #timeAt(index: number): string {
    const seconds = this.columns[0][index]
    return seconds === undefined ? '' : formatTime(seconds * 1000, this.#page.store.get().settings.zone)
  }

  #describe(): void {
    const now = performance.now()
    if (now - this.#describedAt < describeEveryMs) return
    // Until there is something to say, the next frame may say it.
    if (hasPoints(this.columns)) this.#describedAt = now
    const labels = this.#spec.lines.map(line => line.label)
    const summary = summarise(this.columns, labels, this.#spec.format)
    this.#elements.host.setAttribute('aria-label', `${this.#spec.title}, ${this.#spec.unit}. ${summary}`)
  }

  #speak(): void {
    const at = this.#cursor
    if (at === null) return
    const words = this.#spec.lines.map(({ label }, line) => {
      const value = this.columns[line + 1]?.[at] ?? null
      return `${label} ${value === null ? 'no data' : this.#spec.format(value)}`
    })
    this.#elements.spoken.textContent = `${this.#timeAt(at)}: ${words.join(', ')}`
  }
}
