// The one picker of a stretch of history: relative or from–to, with arrows to the stretch before and after ([ and ]).
// What it picks lives in the URL.
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { useSearch } from 'wouter'
import { zoneName } from './format.ts'
import { Icon } from './icons.tsx'
import { useLive, usePage } from './page-context.ts'
import {
  type HistoryRange,
  inputMs,
  inputText,
  lengthMs,
  presets,
  rangeOf,
  rangeParameters,
  rangeWords,
  stepped,
} from './range.ts'
import './range-picker.css'
import { changeParameters } from './url-state.ts'

/** The range of the page, and a way to change it; `otherwise` is what the page starts with. */
export function useRange(otherwise: string): readonly [HistoryRange, (range: HistoryRange) => void] {
  const range = rangeOf(useSearch(), otherwise)
  return [range, changeRange]
}

export function changeRange(range: HistoryRange): void {
  changeParameters(rangeParameters(range))
}

export function RangePicker({ otherwise }: { readonly otherwise: string }) {
  const page = usePage()
  const [range, change] = useRange(otherwise)
  const zone = useLive(state => state.settings.zone)
  const [isOpen, setOpen] = useState(false)
  const root = useRef<HTMLFieldSetElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const step = (direction: -1 | 1) => change(stepped(range, direction, page.serverNow(), otherwise))
  useStepKeys(step)
  useEffect(() => {
    if (!isOpen) return
    const onPointerDown = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false)
    }
    document.addEventListener('pointerdown', onPointerDown)
    return () => document.removeEventListener('pointerdown', onPointerDown)
  }, [isOpen])
  const close = () => {
    setOpen(false)
    button.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !isOpen) return
    event.stopPropagation()
    close()
  }
  const pick = (picked: HistoryRange) => {
    change(picked)
    close()
  }
  const isPast = range.kind === 'between'
  return (
    <fieldset ref={root} className="range-picker" onKeyDown={onKeyDown}>
      <legend className="sr-only">Stretch of time</legend>
      <button
        type="button"
        className="tool range-step"
        title="The stretch before ([)"
        onClick={() => step(-1)}
      >
        <span className="flipped">
          <Icon name="chevron" />
        </span>
        <span className="sr-only">The stretch before</span>
      </button>
      <button
        ref={button}
        type="button"
        className="range-button"
        aria-expanded={isOpen}
        data-range={isPast ? 'between' : range.name}
        onClick={() => setOpen(!isOpen)}
      >
        {rangeWords(range, zone)}
        <span className="range-zone">{zoneName(zone, page.serverNow())}</span>
      </button>
      <button
        type="button"
        className="tool range-step"
        title={isPast ? 'The stretch after (])' : 'Nothing lies after now'}
        disabled={!isPast}
        onClick={() => step(1)}
      >
        <Icon name="chevron" />
        <span className="sr-only">The stretch after</span>
      </button>
      {isOpen && <Choices range={range} onPick={pick} />}
    </fieldset>
  )
}

function Choices({
  range,
  onPick,
}: {
  readonly range: HistoryRange
  readonly onPick: (range: HistoryRange) => void
}) {
  const page = usePage()
  const zone = useLive(state => state.settings.zone)
  const id = useId()
  const now = page.serverNow()
  const [from, setFrom] = useState(
    inputText(range.kind === 'between' ? range.fromMs : now - lengthMs(range), zone),
  )
  const [to, setTo] = useState(inputText(range.kind === 'between' ? range.toMs : now, zone))
  const [fromMs, toMs] = [inputMs(from, zone), inputMs(to, zone)]
  const isValid = fromMs !== null && toMs !== null && fromMs < toMs
  return (
    <div className="range-choices">
      <div className="range-presets">
        {presets.map(({ name, words }) => (
          <button
            key={name}
            type="button"
            aria-pressed={range.kind === 'last' && range.name === name}
            onClick={() => onPick({ kind: 'last', name })}
          >
            {words}
          </button>
        ))}
      </div>
      <form
        className="range-moments"
        onSubmit={event => {
          event.preventDefault()
          if (isValid) onPick({ kind: 'between', fromMs, toMs })
        }}
      >
        <label htmlFor={`${id}-from`}>From</label>
        <input
          id={`${id}-from`}
          type="datetime-local"
          value={from}
          onChange={event => setFrom(event.target.value)}
        />
        <label htmlFor={`${id}-to`}>To</label>
        <input
          id={`${id}-to`}
          type="datetime-local"
          value={to}
          onChange={event => setTo(event.target.value)}
        />
        <p className="muted">
          {isValid ? `In ${zone === 'utc' ? 'UTC' : 'local time'} (z)` : 'From must be before to.'}
        </p>
        <button type="submit" className="button primary" disabled={!isValid}>
          Show
        </button>
      </form>
    </div>
  )
}

/** [ and ] step wherever the focus is, except where they are typed. */
function useStepKeys(step: (direction: -1 | 1) => void): void {
  const newest = useRef(step)
  newest.current = step
  useEffect(() => {
    const onKeyDown = (event: globalThis.KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || (event.key !== '[' && event.key !== ']')) return
      const target = event.target instanceof HTMLElement ? event.target : null
      if (target?.matches('input, textarea, select, [contenteditable]')) return
      if (document.querySelector('[role="dialog"], dialog[open]')) return
      event.preventDefault()
      newest.current(event.key === '[' ? -1 : 1)
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
}
