// The dictionary of pages, event names and origins that steps are written in, with what was looked up lately in memory.
// Bounded: past the limit everything new shares one entry until old entries are pruned.
import { otherValue } from '../windows/catalogue.ts'
import { type Names, type Touch, touchFields } from './tally-sums.ts'
import { nameAgeDays, namesMax } from './visit-rules.ts'
import type { VisitorRows } from './visitor-rows.ts'

export const nameKinds = { what: 0, touch: 1 } as const

export const noTouch = Object.fromEntries(touchFields.map(field => [field, ''])) as Touch

interface Entry {
  readonly id: number
  lastDay: number
}

const cacheMax = 60_000

export class NameBook implements Names {
  readonly #rows: VisitorRows
  readonly #entries = new Map<string, Entry>()
  readonly #texts = new Map<number, string>()
  readonly #touches = new Map<number, Touch>()
  #count = -1

  constructor(rows: VisitorRows) {
    this.#rows = rows
  }

  whatId(text: string, day: number): number {
    return this.#idOf(nameKinds.what, text, day)
  }

  touchId(touch: Touch, day: number): number {
    return this.#idOf(nameKinds.touch, touchText(touch), day)
  }

  name(id: number): string {
    let text = this.#texts.get(id)
    if (text === undefined) {
      text = this.#rows.nameOf(id) ?? otherValue
      this.#remember(id, text)
    }
    return text
  }

  touch(id: number): Touch {
    let touch = this.#touches.get(id)
    if (!touch) {
      touch = touchOf(this.name(id))
      if (this.#touches.size >= cacheMax) this.#touches.clear()
      this.#touches.set(id, touch)
    }
    return touch
  }

  prune(day: number): void {
    if (this.#rows.deleteNames(day - nameAgeDays) > 0) this.forget()
  }

  forget(): void {
    this.#entries.clear()
    this.#texts.clear()
    this.#touches.clear()
    this.#count = -1
  }

  #idOf(kind: number, text: string, day: number): number {
    const key = `${kind}${text}`
    let entry = this.#entries.get(key)
    if (!entry) {
      entry = this.#find(kind, text, day)
      if (this.#entries.size >= cacheMax) this.#entries.clear()
      this.#entries.set(key, entry)
      this.#remember(entry.id, text)
    }
    if (day > entry.lastDay) {
      this.#rows.touchName(entry.id, day)
      entry.lastDay = day
    }
    return entry.id
  }

  #find(kind: number, text: string, day: number): Entry {
    const found = this.#rows.findName(kind, text)
    if (found) return { ...found }
    if (this.#count < 0) this.#count = this.#rows.names()
    if (this.#count >= namesMax && text !== otherValue) {
      const other = kind === nameKinds.what ? otherValue : touchText(noTouch)
      const shared = this.#rows.findName(kind, other)
      return shared ? { ...shared } : { id: this.#rows.addName(kind, other, day), lastDay: day }
    }
    this.#count++
    return { id: this.#rows.addName(kind, text, day), lastDay: day }
  }

  #remember(id: number, text: string): void {
    if (this.#texts.size >= cacheMax) this.#texts.clear()
    this.#texts.set(id, text)
  }
}

export function touchText(touch: Touch): string {
  return touchFields.map(field => touch[field]).join('\n')
}

export function touchOf(text: string): Touch {
  const values = text.split('\n')
  // An entry that was given up says nothing of where a visitor came from.
  if (values.length !== touchFields.length) return noTouch
  return Object.fromEntries(touchFields.map((field, at) => [field, values[at]!])) as Touch
}
