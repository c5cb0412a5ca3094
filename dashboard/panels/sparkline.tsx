// A tile's recent past as a bare line on a small canvas, and how much it has moved in words, both redrawn when its
// bucket moves on. It has no axis on purpose: the number above it says how much, the line only says where from.
import { useEffect, useRef } from 'react'
import { changeOf, changeWords } from '../change.ts'
import { windowEndingAt } from '../chart-window.ts'
import type { Model } from '../model.ts'
import { usePage } from '../page-context.ts'
import type { SeriesRing } from '../series-ring.ts'

export interface SparkSource {
  readonly ring: (model: Model) => SeriesRing
  readonly value: (ring: SeriesRing, timeMs: number, model: Model) => number
}

const points = 120
const pointsMin = 5
/** A line that hardly moves should look calm: the scale never zooms in further than this share of its top. */
const spanMin = 0.25

export function Sparkline({ source }: { readonly source: SparkSource }) {
  const page = usePage()
  const canvas = useRef<HTMLCanvasElement>(null)
  const change = useRef<HTMLSpanElement>(null)

  useEffect(() => {
    let drawnKey = ''
    const draw = () => {
      const element = canvas.current
      if (!element || page.model.pausedAt !== null) return
      const ring = source.ring(page.model)
      const window = windowEndingAt(page.serverNow(), ring.stepMs, points, ring.firstMs)
      const theme = getComputedStyle(element).color
      const key = `${window.toMs} ${ring.version} ${theme} ${element.clientWidth}`
      if (key === drawnKey) return
      drawnKey = key
      const values: number[] = []
      for (let at = window.fromMs; at <= window.toMs; at += ring.stepMs)
        values.push(source.value(ring, at, page.model))
      paint(element, values, theme)
      const words = changeWords(changeOf(values))
      if (change.current && change.current.textContent !== words) change.current.textContent = words
    }
    page.frames.add(draw)
    return () => {
      page.frames.delete(draw)
    }
  }, [page, source])

  return (
    <>
      <p className="tile-change">
        <span ref={change} />
        <span className="sr-only">against where its line begins</span>
      </p>
      <canvas ref={canvas} className="spark" />
    </>
  )
}

function paint(canvas: HTMLCanvasElement, values: readonly number[], colour: string): void {
  const scale = window.devicePixelRatio
  const width = Math.round(canvas.clientWidth * scale)
  const height = Math.round(canvas.clientHeight * scale)
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  const context = canvas.getContext('2d')
  if (!context) return
  context.clearRect(0, 0, width, height)
  const known = values.filter(value => !Number.isNaN(value))
  if (known.length < pointsMin) return
  const top = Math.max(...known)
  const bottom = Math.min(Math.min(...known), top * (1 - spanMin))
  const pad = 1.5 * scale
  const x = (index: number) => (index / (values.length - 1)) * width
  const y = (value: number) =>
    top === bottom ? height - pad : pad + (1 - (value - bottom) / (top - bottom)) * (height - 2 * pad)
  context.strokeStyle = colour
  context.lineWidth = 1.25 * scale
  context.lineJoin = 'round'
  context.beginPath()
  let drawing = false
  values.forEach((value, index) => {
    if (Number.isNaN(value)) {
      drawing = false
      return
    }
    if (drawing) context.lineTo(x(index), y(value))
    else context.moveTo(x(index), y(value))
    drawing = true
  })
  context.stroke()
}
