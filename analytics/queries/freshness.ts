// How far an answer can be trusted: the watermark, the last commit, the records still to be read.
import type { Freshness } from '../http/contract.ts'
import { latenessMs } from '../windows/steps.ts'
import type { Reading } from './parts.ts'
import type { SourceState } from './rows.ts'

/** A partition that was not heard of for so long does not hold the watermark back. */
const idleMs = 30_000

export function freshness({ rows }: Pick<Reading, 'rows'>, untilMs: number): Freshness {
  const sources = rows.sources().filter(source => !source.topic.startsWith('__'))
  const watermark = watermarkOf(sources)
  return {
    watermark,
    committedAt: rows.commit().committedAt,
    lagRecords: sources.reduce((sum, source) => sum + Math.max(source.highWatermark - source.next, 0), 0),
    mayChange: watermark === null || untilMs > watermark - latenessMs,
  }
}

/** The least of the partitions that move; event time before it is complete but for late lines. */
function watermarkOf(sources: readonly SourceState[]): number | null {
  const newest = Math.max(...sources.map(source => source.updatedAt ?? 0))
  const moving = sources.filter(
    ({ watermarkMs, updatedAt }) => watermarkMs !== null && updatedAt! >= newest - idleMs,
  )
  return moving.length === 0 ? null : Math.min(...moving.map(source => source.watermarkMs!))
}
