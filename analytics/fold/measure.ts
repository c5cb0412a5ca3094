// What a parsed line adds, and where: totals by second, dimension values by ten seconds, visitors. Pure; the hottest
// code of the room: no string, object or closure per line on the usual path.
import { eventFields } from '../../agent/formats/json-event.ts'
import { type FieldSpans, fieldKinds, fieldText, unescapedText } from '../../agent/formats/json-scan.ts'
import { metricFields } from '../../agent/formats/metric-line.ts'
import { mayHoldCampaign } from '../enrich/campaign.ts'
import { contentOf, isStatic } from '../enrich/content.ts'
import { hashBytes, hashed } from '../sketches/hash.ts'
import { noteEvent, noteRequest } from '../visits/origins.ts'
import { noPath, noReferrer, noValue } from '../windows/catalogue.ts'
import { countCampaign } from './campaigns.ts'
import type { Client } from './client-cache.ts'
import type { FoldState } from './fold-state.ts'
import { increaseOf, isCounter } from './increase.ts'
import {
  addVisitor,
  type Cell,
  ClientCell,
  type PendingBucket,
  secondCell,
  setEvent,
  setHostName,
  setLevel,
  setLevelService,
  setMethod,
  setOutcome,
  setPath,
  setReferrer,
  setService,
  setStatus,
  setTopic,
  setVirtualHost,
} from './pending.ts'

const noPathBytes = Buffer.from(noPath)
const noReferrerBytes = Buffer.from(noReferrer)
const noValueBytes = Buffer.from(noValue)
const pageBytes = Buffer.from('page')
const successBytes = Buffer.from('success')
const clientErrorBytes = Buffer.from('client_error')
const errorBytes = Buffer.from('error')

/** Every line that counts at all. */
export function countLine(state: FoldState, bucket: PendingBucket, timeMs: number, topic: number): void {
  secondCell(bucket, timeMs).lines++
  state.cell(bucket, setTopic, topic).lines++
  if (state.serviceNow >= 0) state.cell(bucket, setService, state.serviceNow).lines++
}

/** One of a handful of words, so that it needs no bound of its own. */
export function countLevel(state: FoldState, bucket: PendingBucket, level: string): void {
  state.cell(bucket, setLevel, state.values.idOfText(level)).lines++
  if (state.serviceNow < 0) return
  const both = `${level}\0${state.values.text(state.serviceNow)}`
  state.cell(bucket, setLevelService, state.values.idOfText(both)).lines++
}

export function countAccess(state: FoldState, bucket: PendingBucket, timeMs: number, buffer: Buffer): void {
  const line = state.combined
  const isError = line.status >= 500 ? 1 : 0
  const isClientError = line.status >= 400 && line.status < 500 ? 1 : 0
  // biome-ignore lint/suspicious/noSelfCompare: NaN is the only value unlike itself, and this is the hottest path.
  const isTimed = line.requestTimeMs === line.requestTimeMs
  const client = state.clients.of(buffer, line)
  const own = client.bucket === bucket ? client.cell! : openClient(bucket, client)
  const path = idOrElse(state, buffer, line.pathStart, line.pathEnd, noPathBytes)
  const staticOne = (state.contents[path] ??= staticFlag(state, path))

  const total = secondCell(bucket, timeMs)
  const byPath = state.cell(bucket, setPath, path)
  const byStatus = state.cell(bucket, setStatus, statusId(state, line.status))
  const outcome = isError === 1 ? errorBytes : isClientError === 1 ? clientErrorBytes : successBytes
  const byOutcome = state.cell(bucket, setOutcome, state.values.idOf(outcome, 0, outcome.length))
  addRequest(total, line.bytes, isError, isClientError)
  addRequest(byPath, line.bytes, isError, isClientError)
  addRequest(byStatus, line.bytes, isError, isClientError)
  byOutcome.requests++
  total.staticRequests += staticOne
  byPath.staticRequests += staticOne
  if (line.status === 404) {
    total.notFound++
    byPath.notFound++
  }
  own.requests++
  own.bytes += line.bytes
  own.errors += isError
  if (isTimed) {
    const ms = line.requestTimeMs
    const points = isError === 1 || ms > state.apdexMs * 4 ? 0 : ms > state.apdexMs ? 1 : 2
    addTime(total, ms, points)
    addTime(byPath, ms, points)
    byStatus.servedMs += Math.round(ms)
    own.servedMs += Math.round(ms)
    byOutcome.samples.push(ms)
  }
  const method = idOrElse(state, buffer, line.methodStart, line.methodEnd, noValueBytes)
  addRequest(state.cell(bucket, setMethod, method), line.bytes, isError, isClientError)
  if (client.agent.isBot) total.botRequests++
  else {
    noteClient(byPath, client)
    noteClient(byStatus, client)
  }
  countSource(state, bucket, buffer, client, isError, isClientError)
  if (state.noter !== null) noteRequest(state, state.noter, buffer, timeMs, path)
}

/** Beside countAccess, of the same line. */
export function countVirtualHost(state: FoldState, bucket: PendingBucket, host: string): void {
  const { status, bytes, requestTimeMs } = state.combined
  const cell = state.cell(bucket, setVirtualHost, state.values.idOfText(host.toLowerCase()))
  addRequest(cell, bytes, status >= 500 ? 1 : 0, status >= 400 && status < 500 ? 1 : 0)
  if (!Number.isNaN(requestTimeMs)) cell.samples.push(requestTimeMs)
}

function addRequest(cell: Cell, bytes: number, isError: number, isClientError: number): void {
  cell.requests++
  cell.errors += isError
  cell.clientErrors += isClientError
  cell.bytes += bytes
}

function addTime(cell: Cell, ms: number, points: number): void {
  cell.samples.push(ms)
  cell.servedMs += Math.round(ms)
  cell.apdexPoints += points
  cell.apdexPointsMax += 2
}

function noteClient(cell: Cell, client: Client): void {
  if (cell.clients === null) cell.clients = new Set()
  cell.clients.add(client)
}

function openClient(bucket: PendingBucket, client: Client): ClientCell {
  const cell = new ClientCell(client)
  bucket.clients.push(cell)
  client.bucket = bucket
  client.cell = cell
  return cell
}

/** 1 for a path whose content is served as it lies there. */
function staticFlag(state: FoldState, path: number): number {
  return isStatic(contentOf(state.values.text(path))) ? 1 : 0
}

/** The referrer; and where the address says which campaign brought somebody, that counts as the source instead. */
function countSource(
  state: FoldState,
  bucket: PendingBucket,
  buffer: Buffer,
  client: Client,
  isError: number,
  isClientError: number,
): void {
  const line = state.combined
  hostSpan(buffer, line.referrerStart, line.referrerEnd)
  const referrer = idOrElse(state, buffer, hostStart, hostEnd, noReferrerBytes)
  const byReferrer = state.cell(bucket, setReferrer, referrer)
  addRequest(byReferrer, line.bytes, isError, isClientError)
  if (buffer[line.pathEnd] === 0x3f) {
    let end = line.pathEnd + 1
    while (end < buffer.length && buffer[end] !== 0x20 && buffer[end] !== 0x22 && buffer[end] !== 0x0a) end++
    if (mayHoldCampaign(buffer, line.pathEnd + 1, end)) {
      const visitor = client.agent.isBot ? null : client
      const query = buffer.toString('utf8', line.pathEnd + 1, end)
      // The cell that has the line is the referrer's own or the shared one: from that one's source it is taken.
      const counted = bucket.values[setReferrer]!.get(referrer) === byReferrer ? referrer : state.otherId
      const { bytes } = line
      if (countCampaign(state, bucket, counted, query, visitor, { bytes, isError, isClientError })) return
    }
  }
  if (!client.agent.isBot) noteClient(byReferrer, client)
}

function idOrElse(state: FoldState, bytes: Buffer, start: number, end: number, otherwise: Buffer): number {
  return start === end
    ? state.values.idOf(otherwise, 0, otherwise.length)
    : state.values.idOf(bytes, start, end)
}

/** A JSON line without type and event name is somebody's structured log: a line, not an event. */
export function countEvent(state: FoldState, bucket: PendingBucket, timeMs: number, buffer: Buffer): void {
  const { spans } = state.event
  const hasType = isText(spans, eventFields.type)
  const hasName = isText(spans, eventFields.event)
  if (!hasType && !hasName) return
  const total = secondCell(bucket, timeMs)
  total.events++
  const name = fieldId(state, buffer, spans, hasName ? eventFields.event : eventFields.type)
  state.cell(bucket, setEvent, name).events++
  const path = pathId(state, buffer, spans)
  const byPath = state.cell(bucket, setPath, path)
  byPath.events++
  const isPage =
    hasType && equals(buffer, spans.starts[eventFields.type]!, spans.ends[eventFields.type]!, pageBytes)
  if (state.noter !== null) noteEvent(state, state.noter, buffer, timeMs, isPage, path, name)
  if (isPage) {
    total.pageviews++
    byPath.pageviews++
    state.cell(bucket, setReferrer, referrerId(state, buffer, spans)).pageviews++
  }
  const visitor = isText(spans, eventFields.anonymousId) ? eventFields.anonymousId : eventFields.userId
  if (!isText(spans, visitor)) return
  hashBytes(buffer, spans.starts[visitor]!, spans.ends[visitor]!)
  bucket.eventVisitors = addVisitor(bucket.eventVisitors, hashed.high, hashed.low)
}

const seriesName = Buffer.allocUnsafe(1024)

/** host and name, a zero byte between them, are one value. */
export function countMetric(state: FoldState, bucket: PendingBucket, timeMs: number, buffer: Buffer): void {
  const { spans, value } = state.metric
  let at = putField(buffer, spans, metricFields.host, 0)
  seriesName[at++] = 0
  at = putField(buffer, spans, metricFields.name, at)
  const series = state.values.idOf(seriesName, 0, at)
  const cell = state.cell(bucket, setHostName, series)
  cell.samples.push(value)
  cell.sampleTimes.push(timeMs)
  // Only of series that have a row of their own: those beyond the limits have no last value.
  if (cell === bucket.values[setHostName]!.get(series) && isCounterSeries(state, buffer, series)) {
    cell.increase += increaseOf(state, state.partitionNow!, series, timeMs, value)
  }
}

/** Asked of each series' name once; a line that says its type is asked each time. */
function isCounterSeries(state: FoldState, buffer: Buffer, series: number): boolean {
  const { spans } = state.metric
  const type = isText(spans, metricFields.type) ? fieldText(buffer, spans, metricFields.type) : ''
  if (type !== '') return isCounter('', type)
  const known = state.counterSeries[series]
  if (known !== undefined) return known
  const text = state.values.text(series)
  return (state.counterSeries[series] = isCounter(text.slice(text.indexOf('\0') + 1), ''))
}

const metricFieldBytesMax = 127

function putField(buffer: Buffer, spans: FieldSpans, field: number, at: number): number {
  const start = spans.starts[field]!
  if (spans.kinds[field] === fieldKinds.text && spans.ends[field]! > start) {
    const end = Math.min(spans.ends[field]!, start + metricFieldBytesMax)
    return at + buffer.copy(seriesName, at, start, end)
  }
  if (spans.kinds[field] !== fieldKinds.escapedText) return at + noValueBytes.copy(seriesName, at)
  // A zero in a name would pass for the one between host and name.
  const text = unescapedText(buffer, start, spans.ends[field]!).replaceAll('\0', '\ufffd')
  return at + Buffer.from(text).copy(seriesName, at, 0, metricFieldBytesMax)
}

function isText(spans: FieldSpans, field: number): boolean {
  const kind = spans.kinds[field]
  return (
    (kind === fieldKinds.text || kind === fieldKinds.escapedText) && spans.starts[field] !== spans.ends[field]
  )
}

function fieldId(state: FoldState, buffer: Buffer, spans: FieldSpans, field: number): number {
  const start = spans.starts[field]!
  const end = spans.ends[field]!
  if (spans.kinds[field] === fieldKinds.text) return state.values.idOf(buffer, start, end)
  return state.values.idOfText(unescapedText(buffer, start, end))
}

function pathId(state: FoldState, buffer: Buffer, spans: FieldSpans): number {
  if (!isText(spans, eventFields.path)) return state.values.idOfText(noPath)
  const start = spans.starts[eventFields.path]!
  const end = spans.ends[eventFields.path]!
  if (spans.kinds[eventFields.path] === fieldKinds.text) return pathIdOf(state, buffer, start, end)
  const text = Buffer.from(unescapedText(buffer, start, end))
  return pathIdOf(state, text, 0, text.length)
}

function pathIdOf(state: FoldState, bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== 0x3f && bytes[at] !== 0x23) at++
  return at === start ? state.values.idOfText(noPath) : state.values.idOf(bytes, start, at)
}

function referrerId(state: FoldState, buffer: Buffer, spans: FieldSpans): number {
  if (!isText(spans, eventFields.referrer))
    return state.values.idOf(noReferrerBytes, 0, noReferrerBytes.length)
  let bytes = buffer
  let start = spans.starts[eventFields.referrer]!
  let end = spans.ends[eventFields.referrer]!
  if (spans.kinds[eventFields.referrer] === fieldKinds.escapedText) {
    bytes = Buffer.from(unescapedText(buffer, start, end))
    start = 0
    end = bytes.length
  }
  hostSpan(bytes, start, end)
  if (hostStart === hostEnd) return state.values.idOf(noReferrerBytes, 0, noReferrerBytes.length)
  return state.values.idOf(bytes, hostStart, hostEnd)
}

/** The span hostSpan last found: two return values without an object. */
let hostStart = 0
let hostEnd = 0

/** The host in `https://host:port/path`; of what is no URL, everything up to the first slash. */
function hostSpan(buffer: Buffer, start: number, end: number): void {
  hostStart = start
  let at = start
  while (at < end && buffer[at] !== 0x3a && buffer[at] !== 0x2f) at++
  if (at + 2 < end && buffer[at] === 0x3a && buffer[at + 1] === 0x2f && buffer[at + 2] === 0x2f)
    hostStart = at + 3
  at = hostStart
  while (at < end && buffer[at] !== 0x2f && buffer[at] !== 0x3a && buffer[at] !== 0x3f && buffer[at] !== 0x23)
    at++
  hostEnd = at
}

const statusTexts = Array.from({ length: 1000 }, (_, status) => Buffer.from(String(status).padStart(3, '0')))

function statusId(state: FoldState, status: number): number {
  const text = statusTexts[status]!
  return state.values.idOf(text, 0, text.length)
}

function equals(buffer: Buffer, start: number, end: number, expected: Buffer): boolean {
  if (end - start !== expected.length) return false
  for (let at = 0; at < expected.length; at++) if (buffer[start + at] !== expected[at]) return false
  return true
}
