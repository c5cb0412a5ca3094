// What is wrong with a question, in words that say what to ask instead. Thrown by the queries, turned into an RFC 9457
// document by HTTP and into a `refused` message by the live socket.
import { nearest } from './nearest.ts'

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

/** Text from outside inside a sentence: cut, so that an answer stays an answer. */
export function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
