// How far behind a group is, in words and as a line: messages, time and whence it is known, and where it goes.
import type { ConsumerGroup, GroupsAnswer } from '../../../analytics/http/contract-groups.ts'
import { formatCount, formatDuration, inWords } from '../../format.ts'
import { useSubscription } from '../../page-context.ts'

const noArguments = {}

export function useGroups(): {
  readonly answer: GroupsAnswer | null
  readonly refusal: string | undefined
  readonly seq: number | undefined
} {
  const { data, refusal, seq } = useSubscription('groups', noArguments)
  return { answer: data?.kind === 'groups' ? data.groups : null, refusal, seq }
}

/** Nobody was heard of, and that because they could not be asked for, or not yet. */
export function isUnknown(answer: GroupsAnswer | null): boolean {
  return answer === null || (answer.groups.length === 0 && answer.error !== null)
}

export function lagWords(lag: number | null): string {
  return lag === null ? '–' : formatCount(lag)
}

/** `≈` where it is an estimate. */
export function lagTimeWords({ lagMs, lagMsFrom }: Pick<ConsumerGroup, 'lagMs' | 'lagMsFrom'>): string {
  if (lagMs === null) return '–'
  if (lagMs === 0) return '0'
  return `${lagMsFrom === 'estimated' ? '≈ ' : ''}${inWords(formatDuration(lagMs))}`
}

export function lagTimeTitle({ lagMsFrom }: Pick<ConsumerGroup, 'lagMsFrom'>): string {
  if (lagMsFrom === 'seen') return 'How long ago the log ended where the group is, as it was seen'
  if (lagMsFrom === 'estimated') return 'Estimated: lag by the rate at which records come'
  return 'Not known: nothing has come since this was looked at'
}

export const trendWords = { up: '↑ up', down: '↓ down', flat: '→ flat' } as const

const width = 72
const height = 20

/** The lag of the last minutes; what it says stands beside it in words. */
export function LagLine({ history }: { readonly history: readonly (number | null)[] }) {
  const top = Math.max(1, ...history.map(lag => lag ?? 0))
  const step = width / Math.max(1, history.length - 1)
  const points = history
    .flatMap((lag, at) =>
      lag === null
        ? []
        : [`${(at * step).toFixed(1)},${(height - 2 - (lag / top) * (height - 4)).toFixed(1)}`],
    )
    .join(' ')
  return (
    <svg
      className="lag-line"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      aria-hidden="true"
    >
      {history.length > 1 && <polyline points={points} />}
    </svg>
  )
}
