// A visitor as bytes and back: whole numbers as varints, times as differences. The first byte is the version of the
// form; a new one needs a migration or a reader for both. Pure.
import type { Visitor } from './visitor.ts'
import { newVisitor } from './visitor.ts'
import type { Visit } from './visits-of.ts'

const form = 1
let bytes = Buffer.allocUnsafe(4096)
let at = 0
let input: Uint8Array = bytes

export function visitorBytes(visitor: Visitor): Buffer {
  at = 0
  room(64)
  bytes[at++] = form
  put(visitor.anonymous)
  put(visitor.user)
  put(visitor.firstMs)
  put(visitor.lastMs - visitor.firstMs)
  putNumbers(visitor.days)
  putNumbers(visitor.weeks)
  putHead(visitor.head)
  put(visitor.steps.length)
  let before = 0
  for (const { timeMs, name, touch, flags, goals } of visitor.steps) {
    room(64)
    put(timeMs - before)
    put(name * 8 + flags)
    put(touch)
    put(goals)
    before = timeMs
  }
  return Buffer.from(bytes.subarray(0, at))
}

export function visitorOf(source: Buffer): Visitor {
  input = source
  at = 0
  if (input[at++] !== form) throw new RangeError('Cannot read a visitor: its form is not known')
  const visitor = newVisitor()
  visitor.anonymous = take()
  visitor.user = take()
  visitor.firstMs = take()
  visitor.lastMs = visitor.firstMs + take()
  visitor.days = takeNumbers()
  visitor.weeks = takeNumbers()
  visitor.head = takeHead()
  if (visitor.head) visitor.frozenMs = visitor.head.lastMs
  let timeMs = 0
  for (let count = take(); count > 0; count--) {
    timeMs += take()
    const what = take()
    const touch = take()
    visitor.steps.push({
      timeMs,
      name: Math.floor(what / 8),
      touch,
      flags: what % 8,
      goals: take(),
      isFresh: false,
    })
  }
  visitor.settled.firstMs = visitor.firstMs
  visitor.settled.days = visitor.days
  visitor.settled.weeks = visitor.weeks
  return visitor
}

function putHead(head: Visit | null): void {
  put(head ? 1 : 0)
  if (!head) return
  const view = head.views.at(-1)
  for (const number of [head.startMs, head.lastMs - head.startMs, head.touch, head.steps, head.pageviews])
    put(number)
  for (const number of [head.interactive, head.autocaptured, head.entry + 1, view ? view.timeMs : 0])
    put(number)
  put(view ? view.name : 0)
}

function takeHead(): Visit | null {
  if (take() === 0) return null
  const startMs = take()
  const lastMs = startMs + take()
  const [touch, steps, pageviews, interactive, autocaptured] = [take(), take(), take(), take(), take()]
  const entry = take() - 1
  const view = { timeMs: take(), name: take() }
  const views = view.timeMs > 0 ? [view] : []
  return { startMs, lastMs, touch, steps, pageviews, interactive, autocaptured, entry, views }
}

/** Ascending. */
function putNumbers(numbers: readonly number[]): void {
  room(10 * numbers.length + 10)
  put(numbers.length)
  let before = 0
  for (const number of numbers) {
    put(number - before)
    before = number
  }
}

function takeNumbers(): number[] {
  const numbers: number[] = []
  let number = 0
  for (let count = take(); count > 0; count--) {
    number += take()
    numbers.push(number)
  }
  return numbers
}

function room(more: number): void {
  if (at + more <= bytes.length) return
  const grown = Buffer.allocUnsafe(Math.max(bytes.length * 2, at + more))
  bytes.copy(grown, 0, 0, at)
  bytes = grown
}

/** Seven bits a byte; the sign goes into the lowest, for times before 1970. */
function put(number: number): void {
  let rest = number < 0 ? -number * 2 - 1 : number * 2
  while (rest >= 128) {
    bytes[at++] = (rest % 128) + 128
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = rest
}

function take(): number {
  let number = 0
  let factor = 1
  for (;;) {
    const byte = input[at++]!
    number += (byte % 128) * factor
    if (byte < 128) break
    factor *= 128
  }
  return number % 2 === 0 ? number / 2 : -(number + 1) / 2
}
