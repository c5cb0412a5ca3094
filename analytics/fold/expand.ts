// What follows from what the lines of a flush were counted by: browsers, systems and countries from clients, channels
// from referrers, kinds of content from paths, classes from statuses, the hour from the time. Once per value and flush
// instead of once per line. Pure; called once for a flush, before it is stored.
import { contentOf } from '../enrich/content.ts'
import { directSource, sourceOf } from '../enrich/referrer.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { noReferrer, otherValue } from '../windows/catalogue.ts'
import type { Client } from './client-cache.ts'
import type { FoldState } from './fold-state.ts'
import {
  type Cell,
  type Pending,
  type PendingBucket,
  setBot,
  setBrowser,
  setBrowserVersion,
  setChannel,
  setClient,
  setContent,
  setCountry,
  setDevice,
  setHour,
  setOs,
  setPath,
  setReferrer,
  setSite,
  setStatus,
  setStatusClass,
} from './pending.ts'

export function expand(state: FoldState, pending: Pending): void {
  for (const bucket of pending.buckets.values()) {
    expandHour(state, bucket)
    expandClients(state, bucket)
    expandSources(state, bucket)
    expandBy(state, bucket, setPath, setContent, contentOf)
    expandBy(state, bucket, setStatus, setStatusClass, text => `${text[0]}xx`)
  }
}

/** Each value's cell is added to the cell of what it belongs to. */
function expandBy(
  state: FoldState,
  bucket: PendingBucket,
  from: number,
  into: number,
  classOf: (text: string) => string,
): void {
  for (const [value, cell] of bucket.values[from]!) {
    if (cell.requests === 0) continue
    const text = state.values.text(value)
    const belongsTo = text === otherValue ? otherValue : classOf(text)
    addRequests(state.cell(bucket, into, state.values.idOfText(belongsTo)), cell)
  }
}

function addRequests(into: Cell, from: Cell): void {
  into.requests += from.requests
  into.errors += from.errors
  into.clientErrors += from.clientErrors
  into.bytes += from.bytes
  into.servedMs += from.servedMs
  if (from.clients === null) return
  into.clients ??= new Set()
  for (const client of from.clients) into.clients.add(client)
}

function expandClients(state: FoldState, bucket: PendingBucket): void {
  for (const own of bucket.clients) {
    const { client } = own
    const { agent } = client
    // Clients outlive the flush by far: what they still point to would, with every cell of its ten seconds.
    client.bucket = null
    client.cell = null
    addClient(state.cell(bucket, setClient, client.network), own, null)
    if (agent.isBot) state.cell(bucket, setBot, agent.bot).botRequests += own.requests
    const visitor = agent.isBot ? null : client
    addClient(state.cell(bucket, setBrowser, agent.browser), own, visitor)
    addClient(state.cell(bucket, setBrowserVersion, agent.browserVersion), own, visitor)
    addClient(state.cell(bucket, setOs, agent.os), own, visitor)
    addClient(state.cell(bucket, setDevice, agent.device), own, visitor)
    if (client.country >= 0) addClient(state.cell(bucket, setCountry, client.country), own, visitor)
    if (visitor === null) continue
    bucket.requestVisitors ??= new HyperLogLog()
    bucket.requestVisitors.add(visitor.high, visitor.low)
    addClientTo(state.cell(bucket, setHour, hourValue(state, bucket)), visitor)
  }
}

function addClient(into: Cell, from: PendingBucket['clients'][number], visitor: Client | null): void {
  into.requests += from.requests
  into.errors += from.errors
  into.bytes += from.bytes
  into.servedMs += from.servedMs
  if (visitor !== null) addClientTo(into, visitor)
}

function addClientTo(cell: Cell, client: Client): void {
  cell.clients ??= new Set()
  cell.clients.add(client)
}

/** Lines with a campaign have been counted under its source, and taken from their referrer's. */
function expandSources(state: FoldState, bucket: PendingBucket): void {
  for (const [value, cell] of bucket.values[setReferrer]!) {
    if (cell.requests === 0) continue
    const source = referrerSource(state, value)
    if (source === null) continue
    addRequests(state.cell(bucket, setSite, source.site), cell)
    addRequests(state.cell(bucket, setChannel, source.channel), cell)
  }
}

/** Site and channel of a referring host as ids of values; null for hosts of one's own, from which nobody comes. */
export function referrerSource(
  state: FoldState,
  referrer: number,
): { readonly site: number; readonly channel: number } | null {
  let source = state.sources.get(referrer)
  if (source === undefined) {
    const host = state.values.text(referrer)
    if (state.isOwnHost(host)) source = null
    else if (host === otherValue) source = { site: referrer, channel: referrer }
    else {
      const { site, channel } = host === noReferrer ? directSource : sourceOf(host, null)
      source = { site: state.values.idOfText(site), channel: state.values.idOfText(channel) }
    }
    state.sources.set(referrer, source)
  }
  return source
}

function expandHour(state: FoldState, bucket: PendingBucket): void {
  let hour: Cell | null = null
  for (const second of bucket.seconds) {
    if (!second || (second.requests === 0 && second.events === 0)) continue
    hour ??= state.cell(bucket, setHour, hourValue(state, bucket))
    addRequests(hour, second)
    hour.events += second.events
    hour.pageviews += second.pageviews
  }
}

function hourValue(state: FoldState, bucket: PendingBucket): number {
  return state.values.idOfText(String(state.days.hourOf(bucket.startMs)).padStart(2, '0'))
}
