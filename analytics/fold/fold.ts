// The aggregator's core: one record in, counts in the pending buckets out. Decides what a record is, whether it has
// been counted before, and when it happened. Pure: time comes from the record, never from a clock.
import { parseCombined } from '../../agent/formats/combined.ts'
import { parseJsonEvent } from '../../agent/formats/json-event.ts'
import { parseMetricLine } from '../../agent/formats/metric-line.ts'
import type { ParsedLine } from '../../agent/formats/parsed-line.ts'
import { familyOf, type LineFormat } from '../../agent/formats/registry.ts'
import { futureAllowanceMs, latenessMs } from '../windows/steps.ts'
import { type FoldState, type PartitionFold, srcBytesMax } from './fold-state.ts'
import { noteFields } from './line-fields.ts'
import { countAccess, countEvent, countLine, countMetric } from './measure.ts'
import { countParsed, parseOther } from './parsed.ts'
import { type PendingBucket, secondCell, setTopic } from './pending.ts'
import { readRecordSource } from './record-source.ts'
import { zoneOffsetMs } from './zone-offset.ts'

/**
 * Folds one record. Records of a partition come in the order of their offsets; one that lies before `next` has been
 * folded already (a fetch answers with whole batches) and is passed over.
 */
export function fold(
  state: FoldState,
  partition: PartitionFold,
  offset: number,
  timestampMs: number,
  buffer: Buffer,
  valueStart: number,
  valueEnd: number,
  headersStart: number,
  headerCount: number,
): void {
  if (offset < partition.next) return
  partition.next = offset + 1
  state.pending.records++
  state.partitionNow = partition
  if (state.skips?.(partition, offset)) return
  const { source } = state
  readRecordSource(buffer, headersStart, headerCount, source)
  if (isSeen(state, partition, buffer)) {
    state.counters.duplicates++
    noteDropped(partition.dropped, offset)
    return
  }
  state.counters.folded++
  const { serviceStart, serviceEnd } = source
  state.serviceNow = serviceEnd > serviceStart ? state.values.idOf(buffer, serviceStart, serviceEnd) : -1
  noteReading(state, timestampMs)
  const start = Math.max(valueStart, 0)
  const end = Math.max(valueEnd, start)
  const format = source.format ?? guessFormat(buffer, start, end)
  const zoneMs = source.zoneEnd > source.zoneStart ? zoneOffsetMs(buffer, source, timestampMs) : 0
  foldLine(state, partition, offset, timestampMs, buffer, start, end, format, source.format !== null, zoneMs)
}

/** True if this line of this file was counted before. Remembers it otherwise. A record without src counts as new. */
function isSeen(state: FoldState, partition: PartitionFold, buffer: Buffer): boolean {
  const { source } = state
  const srcBytes = source.srcEnd - source.srcStart
  if (srcBytes === 0 || srcBytes > srcBytesMax || source.position < 0) return false
  const src = state.srcs.idOf(buffer, source.srcStart, source.srcEnd)
  let last = partition.positions.get(src)
  last ??= state.committed.lastPosition(partition.id, state.srcs.text(src))
  if (source.position <= last) {
    partition.positions.set(src, last)
    return true
  }
  partition.positions.set(src, source.position)
  partition.movedSrcs.add(src)
  return false
}

/** In ranges: what follows the last one prolongs it. */
function noteDropped(dropped: number[], offset: number): void {
  if (dropped.at(-1) === offset - 1) dropped[dropped.length - 1] = offset
  else dropped.push(offset, offset)
}

function noteReading(state: FoldState, timestampMs: number): void {
  if (!(timestampMs > 0)) return
  const { readAt } = state.pending
  readAt.set(timestampMs, (readAt.get(timestampMs) ?? 0) + 1)
}

/** For producers that do not say: what the first byte suggests. Failing to parse is then no loss but plain text. */
function guessFormat(buffer: Buffer, start: number, end: number): LineFormat {
  let at = start
  while (at < end && (buffer[at] === 0x20 || buffer[at] === 0x09)) at++
  return at < end && buffer[at] === 0x7b ? 'json' : 'combined'
}

function foldLine(
  state: FoldState,
  partition: PartitionFold,
  offset: number,
  timestampMs: number,
  buffer: Buffer,
  start: number,
  end: number,
  format: LineFormat,
  isDeclared: boolean,
  zoneMs: number,
): void {
  let eventMs = Number.NaN
  let kind: LineFormat | null = null
  let parsed: ParsedLine | null = null
  if (isBlank(buffer, start, end)) kind = 'raw'
  else if (format === 'combined') {
    if (parseCombined(buffer, start, end, state.combined)) {
      kind = format
      eventMs = state.combined.timeMs
    }
  } else if (format === 'json') {
    if (!isDeclared && parseMetricLine(buffer, start, end, state.metric, zoneMs)) {
      kind = 'metrics'
      eventMs = state.metric.timeMs
    } else if (parseJsonEvent(buffer, start, end, state.event, zoneMs)) {
      kind = format
      eventMs = state.event.timeMs
    }
  } else if (format === 'metrics') {
    if (parseMetricLine(buffer, start, end, state.metric, zoneMs)) {
      kind = format
      eventMs = state.metric.timeMs
    }
  } else if (format === 'raw') kind = 'raw'
  else {
    parsed = parseOther(format, buffer, start, end, { recordMs: timestampMs, zonelessOffsetMs: zoneMs })
    if (parsed !== null) {
      kind = format
      eventMs = parsed.timeMs
    }
  }
  if (kind === null && !isDeclared) kind = 'raw'

  const timeMs = eventTime(state, partition, eventMs, timestampMs)
  if (timeMs < state.oldestMs) {
    loseLine(state, partition, offset, timestampMs, 'too-old')
    return
  }
  const bucket = bucketFor(state, partition, timeMs)
  if (kind === null) {
    state.counters.unparsed++
    secondCell(bucket, timeMs).unparsed++
    state.cell(bucket, setTopic, partition.topicValue).unparsed++
    loseLine(state, partition, offset, timestampMs, 'unparsed', format)
    return
  }
  countLine(state, bucket, timeMs, partition.topicValue)
  if (state.statistics?.asks(partition.topic)) {
    noteFields(state, partition.topic, timeMs, kind, parsed, buffer, start, end)
  }
  if (parsed !== null) countParsed(state, bucket, timeMs, parsed, hostOf(state, buffer))
  else if (kind === 'combined') countAccess(state, bucket, timeMs, buffer)
  else if (kind === 'json') countEvent(state, bucket, timeMs, buffer)
  else if (kind === 'metrics') countMetric(state, bucket, timeMs, buffer)
}

function hostOf(state: FoldState, buffer: Buffer): string {
  const { hostStart, hostEnd } = state.source
  return hostEnd > hostStart ? buffer.toString('utf8', hostStart, hostEnd) : ''
}

/** The line's own time, at most five minutes after it was read; the time of reading where it has none. */
function eventTime(state: FoldState, partition: PartitionFold, eventMs: number, timestampMs: number): number {
  const readMs = timestampMs > 0 ? timestampMs : Number.NaN
  if (Number.isNaN(eventMs)) return Number.isNaN(readMs) ? Math.max(partition.watermarkMs, 0) : readMs
  const latest = readMs + futureAllowanceMs
  if (eventMs > latest) {
    state.counters.clamped++
    return latest
  }
  return eventMs
}

function bucketFor(state: FoldState, partition: PartitionFold, timeMs: number): PendingBucket {
  if (timeMs > partition.watermarkMs) partition.watermarkMs = timeMs
  else if (timeMs < partition.watermarkMs - latenessMs) state.counters.late++
  if (timeMs > state.pending.horizonMs) state.pending.horizonMs = timeMs
  return state.pending.bucketAt(timeMs)
}

function loseLine(
  state: FoldState,
  partition: PartitionFold,
  offset: number,
  timestampMs: number,
  reason: 'unparsed' | 'too-old',
  format?: LineFormat,
): void {
  state.pending.lose({
    reason,
    topic: partition.topic,
    partition: partition.partition,
    dayMs: state.days.startOf(Math.max(timestampMs, 0)),
    fromOffset: offset,
    toOffset: offset,
    lines: 1,
    detail:
      reason === 'unparsed'
        ? `not ${format === 'combined' ? 'an access line' : nameOf(format)}, though its format says so`
        : 'the time in the line is before everything that is kept',
  })
}

function nameOf(format: LineFormat | undefined): string {
  const family = familyOf(format ?? 'raw')
  return family === 'json' || family === 'metrics' ? 'a JSON object' : `of the format ${family}`
}

function isBlank(buffer: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = buffer[at]!
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false
  }
  return true
}
