// Where a visitor came from and with what, told from a line once for each combination of referrer, user agent and
// campaign. Which requests are somebody looking at a page. Pure but for the noter's memory.
import { eventFields } from '../../agent/formats/json-event.ts'
import { fieldKinds, fieldText } from '../../agent/formats/json-scan.ts'
import { campaignOf, mayHoldCampaign } from '../enrich/campaign.ts'
import { sourceOf } from '../enrich/referrer.ts'
import { describeUserAgent, unknownAgent } from '../enrich/user-agent.ts'
import type { FoldState } from '../fold/fold-state.ts'
import type { VisitNoter } from './noter.ts'
import type { Touch } from './tally-sums.ts'

/** What is remembered of a line to tell its origin by. */
const scratch = Buffer.allocUnsafe(2048)
const fieldBytesMax = 600
/** In characters, of up to three bytes each. */
const agentLengthMax = 250

/** Notes a request by a browser for a page that was answered with it. `path` is the page's number. */
export function noteRequest(
  state: FoldState,
  noter: VisitNoter,
  buffer: Buffer,
  timeMs: number,
  path: number,
): void {
  if (!noter.isPage(path)) return
  const touch = requestOrigin(state, noter, buffer)
  if (touch >= 0) noter.request(buffer, timeMs, path, touch)
}

/** Notes a behaviour event that names a visitor. `name` is the number of its name, or of its type. */
export function noteEvent(
  state: FoldState,
  noter: VisitNoter,
  buffer: Buffer,
  timeMs: number,
  isPage: boolean,
  path: number,
  name: number,
): void {
  noter.event(buffer, timeMs, isPage, path, name, eventOrigin(state, noter, buffer))
}

/** -1 for requests that are nobody looking at a page. */
function requestOrigin(state: FoldState, noter: VisitNoter, buffer: Buffer): number {
  const line = state.combined
  const { status } = line
  if (status < 200 || (status > 299 && status !== 304)) return -1
  // GET alone: who posts a form is sent on to a page.
  if (line.methodEnd - line.methodStart !== 3 || buffer[line.methodStart] !== 0x47) return -1
  let at = putSpan(buffer, line.referrerStart, line.referrerEnd, 0)
  const referrerEnd = at
  at = putSpan(buffer, line.agentStart, line.agentEnd, at)
  const agentEnd = at
  at = putQuery(buffer, line.pathEnd, buffer.length, at)
  const id = noter.origin(scratch, 0, at, () =>
    touchOf(text(0, referrerEnd), text(referrerEnd, agentEnd), text(agentEnd, at)),
  )
  // A bot has no origin: it is nobody's visit.
  return noter.touch(id).device === 'bot' ? -1 : id
}

function eventOrigin(state: FoldState, noter: VisitNoter, buffer: Buffer): number {
  const { spans } = state.event
  const kind = spans.kinds[eventFields.referrer]
  let at = 0
  if (kind === fieldKinds.text) {
    at = putSpan(buffer, spans.starts[eventFields.referrer]!, spans.ends[eventFields.referrer]!, 0)
  } else if (kind === fieldKinds.escapedText) {
    const referrer = Buffer.from(fieldText(buffer, spans, eventFields.referrer))
    at = putSpan(referrer, 0, referrer.length, 0)
  }
  const referrerEnd = at
  if (state.agentNow !== '') {
    at += scratch.write(state.agentNow.slice(0, agentLengthMax), at)
    // Apart from a referrer without an agent.
    scratch[at++] = 0
  }
  const agentEnd = at
  if (spans.kinds[eventFields.path] === fieldKinds.text) {
    let query = spans.starts[eventFields.path]!
    const end = spans.ends[eventFields.path]!
    while (query < end && buffer[query] !== 0x3f) query++
    at = putQuery(buffer, query, end, at)
  }
  return noter.origin(scratch, 0, at, () =>
    touchOf(
      text(0, referrerEnd),
      agentEnd === referrerEnd ? null : text(referrerEnd, agentEnd - 1),
      text(agentEnd, at),
    ),
  )
}

function touchOf(referrer: string, agent: string | null, query: string): Touch {
  const campaign = query === '' ? null : campaignOf(query)
  const host = hostOf(referrer)
  const { site, channel } = sourceOf(host, campaign)
  const described = agent === null ? null : describeUserAgent(agent)
  return {
    channel,
    referrer: oneLine(site),
    device: described?.device ?? '',
    browser: oneLine(described?.browser ?? ''),
    os: described?.os === unknownAgent ? '' : oneLine(described?.os ?? ''),
    country: '',
    utm_source: oneLine(campaign?.source ?? ''),
    utm_medium: oneLine(campaign?.medium ?? ''),
    utm_campaign: oneLine(campaign?.campaign ?? ''),
    utm_content: oneLine(campaign?.content ?? ''),
    utm_term: oneLine(campaign?.term ?? ''),
  }
}

/** The host in `https://host:port/path`; of what is no URL, everything up to the first slash. */
function hostOf(referrer: string): string {
  const scheme = referrer.indexOf('://')
  const from = scheme < 0 || scheme > 16 ? 0 : scheme + 3
  return /^[^/:?#]*/.exec(referrer.slice(from))![0]
}

/** Fields are stored one a line, and joined by zero bytes. */
function oneLine(value: string): string {
  return value.replaceAll(/[\n\0]/g, ' ')
}

function text(start: number, end: number): string {
  return scratch.toString('utf8', start, end)
}

function putSpan(buffer: Buffer, start: number, end: number, at: number): number {
  return at + buffer.copy(scratch, at, start, Math.min(end, start + fieldBytesMax))
}

/** The query that begins at `start`, if one does and it may speak of a campaign. */
function putQuery(buffer: Buffer, start: number, limit: number, at: number): number {
  if (buffer[start] !== 0x3f) return at
  let end = start + 1
  const stop = Math.min(limit, start + 1 + fieldBytesMax)
  while (end < stop && buffer[end] !== 0x20 && buffer[end] !== 0x22) end++
  return mayHoldCampaign(buffer, start + 1, end) ? at + buffer.copy(scratch, at, start + 1, end) : at
}
