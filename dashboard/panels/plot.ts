// One drawing on the screen, imperatively: the only file that knows the chart library. It owns a canvas inside a
// host element, draws the columns it is given, and tells where the cursor is. Colours come from the theme's variables.
import type uPlot from 'uplot'
import { axisTop, type ChartWindow, type Columns, hasPoints, pointsOf } from '../chart-window.ts'
import { formatDateTime, formatTime, withoutTrailingZeros, type Zone } from '../format.ts'

export interface PlotLine {
  readonly label: string
  /** The theme variable it is drawn in. */
  readonly colour: string
  readonly width: number
  readonly dash?: readonly number[]
  /** Opacity of the area below, fading downwards; none when left out. */
  readonly fill?: number
}

export interface PlotSpec {
  readonly lines: readonly PlotLine[]
  /** Areas between two lines, by their places, upper first. */
  readonly bands?: readonly { readonly upper: number; readonly lower: number; readonly opacity: number }[]
  readonly format: (value: number) => string
  /** Plots of the same name move their cursors together; the overview's unless said otherwise. */
  readonly cursors?: string
}

export interface PlotHooks {
  /** The bucket under the cursor, or null when it left. */
  cursor(index: number | null): void
  /** A stretch was dragged over. */
  select(fromMs: number, toMs: number): void
  reset(): void
}

const axisFont = '11px Inter, system-ui, sans-serif'
/** Wide enough for `12.5 ms` and `4 m 30 s`. */
const yAxisWidth = 56
const xAxisHeight = 22
const rightPadding = 14
const digitWidth = 6.5
const daySeconds = 86_400
/** Labels carry seconds where the window is this short, and then need more room. */
const shortSeconds = 240
const longLabelSpace = 88
const labelSpace = 56
/** A drag shorter than this is a click. */
const dragMinPixels = 6

let library: Promise<typeof uPlot> | undefined

/**
 * Loads the chart library. It builds a number format from `navigator.language` while it loads, and throws where that
 * is not a language (headless browsers under LANG=C say "en-US@posix"), so an invalid one is replaced first.
 */
export function loadPlotLibrary(): Promise<typeof uPlot> {
  try {
    new Intl.NumberFormat(navigator.language)
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true })
  }
  library ??= import('uplot').then(module => module.default)
  return library
}

export class Plot {
  readonly #plot: uPlot
  readonly #host: HTMLElement
  readonly #spec: PlotSpec
  readonly #colours = new Map<string, string>()
  #window: ChartWindow = { fromMs: 0, toMs: 1000 }
  #top = 1
  #empty = true
  #zone: Zone = 'local'

  constructor(Library: typeof uPlot, host: HTMLElement, spec: PlotSpec, hooks: PlotHooks) {
    this.#host = host
    this.#spec = spec
    this.#readColours()
    const options = this.#options(hooks)
    this.#plot = new Library(options, [[], ...spec.lines.map(() => [])] as uPlot.AlignedData, host)
    this.#plot.over.addEventListener('dblclick', () => hooks.reset())
  }

  draw(columns: Columns, window: ChartWindow, zone: Zone): void {
    this.#window = window
    this.#top = axisTop(columns)
    this.#empty = !hasPoints(columns)
    this.#zone = zone
    this.#plot.setData(columns as uPlot.AlignedData, true)
  }

  resize(width: number, height: number): void {
    if (width > 0 && (width !== this.#plot.width || height !== this.#plot.height))
      this.#plot.setSize({ width, height })
  }

  /** The theme changed: the canvas keeps its colours until it is painted again. */
  repaint(): void {
    this.#readColours()
    this.#plot.redraw(false, false)
  }

  /** Moves the cursor to a bucket, as the arrow keys do; null takes it away. */
  pointAt(index: number | null): void {
    if (index === null) {
      this.#plot.setCursor({ left: -10, top: -10 })
      return
    }
    const seconds = this.#plot.data[0][index]
    if (seconds === undefined) return
    this.#plot.setCursor({ left: this.#plot.valToPos(seconds, 'x'), top: this.#plot.height / 3 })
  }

  destroy(): void {
    this.#plot.destroy()
  }

  /** Asks an element of the page what a theme variable comes to: the variable itself may still be a choice of two. */
  #readColours(): void {
    const probe = document.createElement('i')
    this.#host.append(probe)
    for (const name of ['--muted', '--grid', ...this.#spec.lines.map(line => line.colour)]) {
      probe.style.color = `var(${name})`
      this.#colours.set(name, getComputedStyle(probe).color)
    }
    probe.remove()
  }

  #colour(name: string): string {
    return this.#colours.get(name) ?? 'rgb(128, 128, 128)'
  }

  #options(hooks: PlotHooks): uPlot.Options {
    return {
      width: Math.max(1, this.#host.clientWidth),
      height: Math.max(1, this.#host.clientHeight),
      padding: [8, rightPadding, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: true, range: () => [this.#window.fromMs / 1000, this.#window.toMs / 1000] },
        y: { range: () => [0, this.#top] },
      },
      tzDate: seconds => this.#dateOf(seconds),
      axes: [this.#timeAxis(), this.#valueAxis()],
      series: [{}, ...this.#spec.lines.map(line => this.#series(line))],
      bands: (this.#spec.bands ?? []).map(({ upper, lower, opacity }) => ({
        series: [upper + 1, lower + 1],
        fill: () => withOpacity(this.#colour(this.#spec.lines[upper]!.colour), opacity),
      })),
      cursor: {
        sync: { key: this.#spec.cursors ?? 'overview' },
        drag: { x: true, y: false, setScale: false, dist: dragMinPixels },
        y: false,
        points: { size: 7, width: 0 },
      },
      hooks: {
        setCursor: [plot => hooks.cursor(plot.cursor.idx ?? null)],
        setSelect: [plot => selected(plot, hooks)],
      },
    }
  }

  #timeAxis(): uPlot.Axis {
    return {
      ...this.#axis(),
      size: xAxisHeight,
      space: (_plot, _axis, from, to) => (to - from < shortSeconds ? longLabelSpace : labelSpace),
      grid: { show: false },
      values: (plot, splits, _axis, _space, increment) =>
        increment >= daySeconds || spanOf(plot) > 2 * daySeconds
          ? splits.map(split => this.#dayLabel(plot, split, increment < daySeconds))
          : splits.map(split => this.#timeLabel(plot, split, increment < 60 ? 8 : 5)),
    }
  }

  /** Left out where it would be cut off at the right edge. */
  #timeLabel(plot: uPlot, seconds: number, characters: number): string {
    const room = plot.width - yAxisWidth - plot.valToPos(seconds, 'x')
    return room < (characters * digitWidth) / 2
      ? ''
      : formatTime(seconds * 1000, this.#zone).slice(0, characters)
  }

  /** `11-24`, or with its hour where labels are closer than days. */
  #dayLabel(plot: uPlot, seconds: number, withHour: boolean): string {
    const text = formatDateTime(seconds * 1000, this.#zone)
    const label = withHour && text.slice(11, 16) !== '00:00' ? text.slice(11, 16) : text.slice(5, 10)
    const room = plot.width - yAxisWidth - plot.valToPos(seconds, 'x')
    return room < (label.length * digitWidth) / 2 ? '' : label
  }

  #valueAxis(): uPlot.Axis {
    return {
      ...this.#axis(),
      size: yAxisWidth,
      grid: { stroke: () => this.#colour('--grid'), width: 1 },
      splits: () => [0, this.#top / 2, this.#top],
      values: (_plot, splits) => splits.map(split => this.#valueLabel(split)),
    }
  }

  /** An axis without data has no scale to speak of. */
  #valueLabel(value: number): string {
    if (this.#empty) return ''
    return value === 0 ? '0' : withoutTrailingZeros(this.#spec.format(value))
  }

  #axis(): uPlot.Axis {
    return { stroke: () => this.#colour('--muted'), font: axisFont, gap: 6, ticks: { show: false } }
  }

  #series(line: PlotLine): uPlot.Series {
    return {
      label: line.label,
      stroke: () => this.#colour(line.colour),
      width: line.width,
      ...(line.dash ? { dash: [...line.dash] } : {}),
      ...(line.fill ? { fill: plot => this.#fade(plot, this.#colour(line.colour), line.fill!) } : {}),
      points: { show: () => false, filter: (plot, series) => pointsOf(plot.data[series]!), size: 4 },
    }
  }

  #fade(plot: uPlot, colour: string, opacity: number): CanvasGradient {
    const gradient = plot.ctx.createLinearGradient(0, plot.bbox.top, 0, plot.bbox.top + plot.bbox.height)
    gradient.addColorStop(0, withOpacity(colour, opacity))
    gradient.addColorStop(1, withOpacity(colour, 0))
    return gradient
  }

  /** The library reads local fields off this date, so UTC is a date shifted by the zone. */
  #dateOf(seconds: number): Date {
    const date = new Date(seconds * 1000)
    return this.#zone === 'utc' ? new Date(seconds * 1000 + date.getTimezoneOffset() * 60_000) : date
  }
}

function spanOf(plot: uPlot): number {
  return (plot.scales['x']?.max ?? 0) - (plot.scales['x']?.min ?? 0)
}

function selected(plot: uPlot, hooks: PlotHooks): void {
  const { left, width } = plot.select
  if (width < dragMinPixels) return
  hooks.select(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + width, 'x') * 1000)
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
}

/** A computed colour, `rgb(r, g, b)`, with an alpha. */
function withOpacity(colour: string, opacity: number): string {
  return colour.replace('rgb(', 'rgba(').replace(')', `, ${opacity})`)
}
