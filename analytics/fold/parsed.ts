// Lines of the formats that have no parser of their own in the fold: what their parser found is laid out as the fold's
// own results, so that one set of counting functions serves every format. Pure.
import type { CombinedLine } from '../../agent/formats/combined.ts'
import { parseJsonEvent } from '../../agent/formats/json-event.ts'
import { parseMetricLine } from '../../agent/formats/metric-line.ts'
import type { LineContext, MetricSample, ParsedLine } from '../../agent/formats/parsed-line.ts'
import type { LineFormat } from '../../agent/formats/registry.ts'
import { parserOf } from '../../agent/formats/registry.ts'
import type { FoldState } from './fold-state.ts'
import { countAccess, countEvent, countLevel, countMetric, countVirtualHost } from './measure.ts'
import type { PendingBucket } from './pending.ts'

/** Null where the line is not of this format. */
export function parseOther(
  format: LineFormat,
  buffer: Buffer,
  start: number,
  end: number,
  context: LineContext,
): ParsedLine | null {
  return parserOf(format)?.(buffer, start, end, context) ?? null
}

/** Everything but the line itself, which countLine counts. `host` is the record's, for samples that name none. */
export function countParsed(
  state: FoldState,
  bucket: PendingBucket,
  timeMs: number,
  line: ParsedLine,
  host: string,
): void {
  if (line.level !== '') countLevel(state, bucket, line.level)
  if (line.kind === 'access') {
    countAccess(state, bucket, timeMs, layOutAccess(line, state.combined))
    if (line.virtualHost) countVirtualHost(state, bucket, line.virtualHost)
  } else if (line.kind === 'event') {
    const { type, event, visitor, query, referrer, agent } = line
    const path = query === '' ? line.path : `${line.path}?${query}`
    const bytes = Buffer.from(JSON.stringify({ type, event, anonymousId: visitor, path, referrer }))
    state.agentNow = agent
    if (parseJsonEvent(bytes, 0, bytes.length, state.event)) countEvent(state, bucket, timeMs, bytes)
    state.agentNow = ''
  } else for (const sample of line.samples) countSample(state, bucket, timeMs, sample, host)
}

function countSample(
  state: FoldState,
  bucket: PendingBucket,
  timeMs: number,
  sample: MetricSample,
  host: string,
): void {
  const bytes = Buffer.from(
    JSON.stringify({
      host: sample.host || host,
      name: sample.name,
      value: sample.value,
      // StatsD sends what was added, not what there is by now.
      ...(state.source.format === 'statsd' && { type: 'gauge' }),
    }),
  )
  if (parseMetricLine(bytes, 0, bytes.length, state.metric)) countMetric(state, bucket, timeMs, bytes)
}

/** The fields one behind the other in a buffer, and their places in `into`. */
function layOutAccess(line: ParsedLine, into: CombinedLine): Buffer {
  const { client, method, path, referrer, agent } = line
  // The query ends where the protocol would follow.
  const query = line.query === '' ? ' ' : `?${line.query.replaceAll(/[\s"]/g, '+')} `
  const parts = [client, method, path, query, referrer, agent].map(text => Buffer.from(text))
  const ends: number[] = []
  let length = 0
  for (const part of parts) ends.push((length += part.length))
  into.clientStart = 0
  into.clientEnd = into.methodStart = ends[0]!
  into.methodEnd = into.pathStart = ends[1]!
  into.pathEnd = ends[2]!
  into.referrerStart = ends[3]!
  into.referrerEnd = into.agentStart = ends[4]!
  into.agentEnd = ends[5]!
  into.status = line.status
  into.bytes = line.bytes
  into.timeMs = line.timeMs
  into.requestTimeMs = line.requestTimeMs
  return Buffer.concat(parts)
}
