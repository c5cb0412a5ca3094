// What the reader does with rows: selects one, opens some, by pointer and by keys. Says when the list is to hold.
import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { TailEntry } from '../../tail-buffer.ts'
import { keyOf } from './line-list.tsx'

export const highlightInputId = 'tail-highlight'

export interface Rows {
  readonly selected: string | null
  readonly opened: ReadonlySet<string>
  toggle(key: string): void
  select(key: string | null): void
  /** Nothing selected, nothing open. */
  clear(): void
}

export interface RowsOptions {
  readonly scroll: RefObject<HTMLElement | null>
  readonly entries: readonly TailEntry[]
  readonly first: string | null
  /** Whether the first is open from the start. */
  readonly isFirstOpen: boolean
  /** A row was selected or opened: what is looked at must not move. */
  onHold(): void
  onFollow(): void
}

export function useRows(options: RowsOptions): Rows {
  const [selected, setSelected] = useState<string | null>(options.first)
  const [opened, setOpened] = useState<ReadonlySet<string>>(
    () => new Set(options.first === null || !options.isFirstOpen ? [] : [options.first]),
  )
  const latest = useRef({ ...options, selected, opened })
  latest.current = { ...options, selected, opened }

  const toggle = useCallback((key: string) => {
    latest.current.onHold()
    setSelected(key)
    setOpened(before => {
      const next = new Set(before)
      if (!next.delete(key)) next.add(key)
      return next
    })
  }, [])
  const clear = useCallback(() => {
    setSelected(null)
    setOpened(new Set())
  }, [])

  useEffect(() => {
    let isGoing = false
    const onKeyDown = (event: KeyboardEvent) => {
      const wasGoing = isGoing
      isGoing = event.key === 'g'
      if (wasGoing || isGoing || !isForRows(event)) return
      const { entries, scroll, onHold, onFollow } = latest.current
      const { key } = event
      if (key === 'j' || key === 'k') {
        onHold()
        setSelected(nextKey(entries, latest.current.selected, key === 'j' ? 1 : -1, scroll.current))
      } else if (key === 'Enter' && latest.current.selected !== null) toggle(latest.current.selected)
      else if (key === 'e') {
        onHold()
        const shown = shownKeys(entries, scroll.current)
        setOpened(latest.current.opened.size > 0 ? new Set() : new Set(shown))
      } else if (key === 'h') document.getElementById(highlightInputId)?.focus()
      else if (key === 'f') onFollow()
      else return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [toggle])

  return useMemo(
    () => ({ selected, opened, toggle, select: setSelected, clear }),
    [selected, opened, toggle, clear],
  )
}

function isForRows(event: KeyboardEvent): boolean {
  if (
    event.metaKey ||
    event.ctrlKey ||
    event.altKey ||
    document.querySelector('[role="dialog"], dialog[open]')
  )
    return false
  const target = event.target instanceof HTMLElement ? event.target : null
  if (event.key === 'Enter' && target?.matches('button, a, summary')) return false
  return !target?.matches('input:not([type="radio"], [type="checkbox"]), textarea, select, [contenteditable]')
}

function nextKey(
  entries: readonly TailEntry[],
  selected: string | null,
  step: 1 | -1,
  scroll: HTMLElement | null,
): string | null {
  const at = selected === null ? -1 : entries.findIndex(entry => keyOf(entry) === selected)
  if (at < 0) return (step === 1 ? shownKeys(entries, scroll)[0] : shownKeys(entries, scroll).at(-1)) ?? null
  for (let next = at + step; next >= 0 && next < entries.length; next += step)
    if (entries[next]!.kind === 'row') return keyOf(entries[next])
  return selected
}

/** The rows that are in sight, from top to bottom. */
function shownKeys(entries: readonly TailEntry[], scroll: HTMLElement | null): string[] {
  if (!scroll) return []
  const { top, bottom } = scroll.getBoundingClientRect()
  return [...scroll.querySelectorAll<HTMLElement>('.tail-item')]
    .map(element => ({ place: Number(element.dataset['index']), box: element.getBoundingClientRect() }))
    .filter(
      ({ place, box }) => box.top >= top - 1 && box.bottom <= bottom + 1 && entries[place]?.kind === 'row',
    )
    .sort((a, b) => a.place - b.place)
    .map(({ place }) => keyOf(entries[place])!)
}
