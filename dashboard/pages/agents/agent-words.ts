// How long a file or an agent is behind, in words. Pure.
import { formatDuration, inWords } from '../../format.ts'

export function durationWords(ms: number | null): string {
  return ms === null ? '–' : ms === 0 ? '0' : inWords(formatDuration(ms))
}
