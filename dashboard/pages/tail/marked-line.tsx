// A line of the tail as plain text, with what is searched for marked, and each highlighted term in a colour and an
// underline of its own.
import { markedPieces } from '../../visible-text.ts'

export interface MarkedLineProps {
  readonly text: string
  /** The first is the filter's; the others are highlights. */
  readonly terms: readonly string[]
  readonly limit: number
}

export function MarkedLine({ text, terms, limit }: MarkedLineProps) {
  return (
    <bdi dir="ltr">
      {markedPieces(text, terms, limit).map((piece, at) => {
        if (piece.kind === 'text') return piece.text
        const key = `${at} ${piece.kind}`
        if (piece.kind === 'match') {
          return (
            <mark key={key} data-term={piece.term === 0 ? undefined : piece.term}>
              {piece.text}
            </mark>
          )
        }
        return (
          <span key={key} className="hidden-character">
            {piece.text}
          </span>
        )
      })}
    </bdi>
  )
}
