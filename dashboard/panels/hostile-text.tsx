// Text that came from a log line, or was made of one: text nodes only, nothing that hides or reorders its
// neighbours, and a direction of its own.
import { piecesOf } from '../visible-text.ts'

const lengthMax = 2_000

export interface HostileTextProps {
  readonly text: string
  /** Marked wherever it occurs. */
  readonly filter?: string
  readonly limit?: number
}

export function HostileText({ text, filter = '', limit = lengthMax }: HostileTextProps) {
  const pieces = piecesOf(text, filter, limit)
  const [only] = pieces
  if (pieces.length === 1 && only?.kind === 'text') return <bdi dir="ltr">{only.text}</bdi>
  return (
    <bdi dir="ltr">
      {pieces.map((piece, at) => {
        if (piece.kind === 'text') return piece.text
        const key = `${at} ${piece.kind}`
        if (piece.kind === 'match') return <mark key={key}>{piece.text}</mark>
        return (
          <span key={key} className="hidden-character">
            {piece.text}
          </span>
        )
      })}
    </bdi>
  )
}
