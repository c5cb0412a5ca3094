// Where a page of rows ended, as text that fits a URL: the values it was ordered by. A row that is added or moves
// between two pages is neither shown twice nor does it push another out of sight. Pure.
import { ProblemError } from './problem.ts'

export type Cursor = readonly (string | number | null)[]

export function cursorText(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

/** Null for no cursor; of any other length than `length` it belongs to another question. */
export function cursorOf(text: string | undefined, length: number): Cursor | null {
  if (text === undefined) return null
  try {
    const cursor: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    const isValue = (value: unknown) =>
      value === null || typeof value === 'string' || typeof value === 'number'
    if (Array.isArray(cursor) && cursor.length === length && cursor.every(isValue)) return cursor
  } catch {
    // Falls through: it is no cursor of ours.
  }
  const detail = 'Take the cursor from `next` of the answer before, to the same question.'
  throw new ProblemError(400, 'unknown-cursor', 'Cannot read the cursor', detail)
}
