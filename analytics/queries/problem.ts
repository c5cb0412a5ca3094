// What is wrong with a question, in words that say what to ask instead. Thrown by the queries, turned into an RFC 9457
// document by HTTP and into a `refused` message by the live socket.

export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly status: number
  /** Last part of the problem's type, such as `unknown-metric`. */
  readonly kind: string
  readonly title: string
  readonly didYouMean: string | undefined

  constructor(status: number, kind: string, title: string, detail: string, didYouMean?: string) {
    super(detail)
    this.status = status
    this.kind = kind
    this.title = title
    this.didYouMean = didYouMean
  }
}

export function unknownName(what: string, name: string, known: readonly string[]): ProblemError {
  const near = nearest(name, known)
  const hint = near ? ` Did you mean "${near}"?` : ` Known: ${known.join(', ')}.`
  return new ProblemError(
    400,
    `unknown-${what}`,
    `Unknown ${what}`,
    `There is no ${what} "${shown(name)}".${hint}`,
    near,
  )
}

/** The known name that takes the fewest edits, if that is few enough to be a slip. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestEdits = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const edits = editDistance(name.toLowerCase().slice(0, 64), candidate.toLowerCase())
    if (edits < bestEdits) {
      best = candidate
      bestEdits = edits
    }
  }
  return best
}

/** Text from outside inside a sentence: cut, so that an answer stays an answer. */
export function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1))
    }
    previous = row
  }
  return previous[b.length]!
}
