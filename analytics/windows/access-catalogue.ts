// The statistics of access logs: what each means and by which dimensions it is kept. Data only; part of the catalogue.
import type { MetricDefinition } from './catalogue.ts'

/** By who asked, as far as address and user agent tell. */
const byClient = ['browser', 'browser_version', 'os', 'device', 'country', 'client'] as const
/** By where the request came from; the addresses that name a campaign say more than the referrer. */
const bySource = ['site', 'channel'] as const
const byCampaign = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term'] as const
const byRequest = ['path', 'status', 'status_class', 'method', 'content', 'virtual_host'] as const

const noBots = 'Programs that say what they are (bots) are left out.'
const ofTop =
  'Of each dimension the first 1,000 values of a day have their own, the busier first; the others share __other__.'

export const accessCatalogue = {
  requests: {
    kind: 'count',
    unit: 'count',
    definition: 'Lines of access logs.',
    dimensions: [...byRequest, 'outcome', 'referrer', ...byClient, ...bySource, ...byCampaign, 'hour'],
    total: true,
  },
  request_visitors: {
    kind: 'distinct',
    unit: 'count',
    definition:
      `Distinct pairs of client address and user agent in access logs, within about 2 %. ${noBots} By a dimension it ` +
      `is kept in steps of a minute and wider. ${ofTop}`,
    dimensions: [
      ...['path', 'status_class', 'browser', 'browser_version', 'os', 'device', 'country', 'hour'],
      ...bySource,
      ...['utm_source', 'utm_medium', 'utm_campaign'],
    ],
    total: false,
    finest: 60,
  },
  bot_requests: {
    kind: 'count',
    unit: 'count',
    definition:
      'Requests by programs that say what they are in their user agent: crawlers, monitors, libraries.',
    dimensions: ['bot'],
    total: true,
  },
  static_requests: {
    kind: 'count',
    unit: 'count',
    definition:
      'Requests for what is served as it lies there: scripts, styles, images, fonts, media, documents and archives, ' +
      'by the path’s extension.',
    dimensions: ['path'],
    total: true,
  },
  not_found: {
    kind: 'count',
    unit: 'count',
    definition: 'Requests answered with status 404.',
    dimensions: ['path'],
    total: true,
  },
  errors: {
    kind: 'count',
    unit: 'count',
    definition: 'Requests answered with a status of 500 or above.',
    dimensions: [...byRequest, 'referrer', ...byClient, ...bySource, ...byCampaign, 'hour'],
    total: true,
  },
  client_errors: {
    kind: 'count',
    unit: 'count',
    definition: 'Requests answered with a status from 400 to 499.',
    dimensions: [...byRequest, 'referrer', ...bySource, ...byCampaign, 'hour'],
    total: true,
  },
  error_rate: {
    kind: 'ratio',
    unit: 'ratio',
    definition: 'Requests answered with a status of 500 or above, of all requests.',
    dimensions: [...byRequest, 'referrer', ...byClient, ...bySource, ...byCampaign, 'hour'],
    total: true,
    numerator: 'errors',
    denominator: 'requests',
  },
  bytes: {
    kind: 'count',
    unit: 'bytes',
    definition: 'Body bytes sent, as the access logs say.',
    dimensions: [...byRequest, 'referrer', ...byClient, ...bySource, ...byCampaign, 'hour'],
    total: true,
  },
  time_served: {
    kind: 'count',
    unit: 'milliseconds',
    definition: 'Request times of the access lines that carry one, each in whole milliseconds, added up.',
    dimensions: ['path', 'status', 'status_class', 'content', ...byClient, 'hour'],
    total: true,
  },
  latency: {
    kind: 'distribution',
    unit: 'milliseconds',
    definition:
      'Request time of the access lines that carry one; quantiles are within 1 % of a real value. Success and ' +
      'errors apart by outcome.',
    dimensions: ['path', 'outcome', 'virtual_host'],
    total: true,
  },
  apdex: {
    kind: 'ratio',
    unit: 'ratio',
    definition:
      'Satisfied requests and half of the tolerated ones, of all that carry a time: satisfied within T, tolerated ' +
      'within four times T, errors neither. T is 500 ms unless the configuration says otherwise.',
    dimensions: ['path'],
    total: true,
    numerator: 'apdex_points',
    denominator: 'apdex_points_max',
  },
  apdex_points: {
    kind: 'count',
    unit: 'count',
    definition: 'Two for each satisfied request and one for each tolerated one, see apdex.',
    dimensions: ['path'],
    total: true,
  },
  apdex_points_max: {
    kind: 'count',
    unit: 'count',
    definition: 'Two for each request that carries a time, see apdex.',
    dimensions: ['path'],
    total: true,
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>

export const accessDimensions = {
  path: 'The request’s or page’s path without its query string.',
  status: 'The response status.',
  status_class: 'The response status by its first digit: 1xx to 5xx.',
  outcome: 'success (a status below 400), client_error (400 to 499) or error (500 and above).',
  method: 'The request method.',
  content:
    'What the path’s extension says: page, script, style, image, font, video, audio, document, archive, data.',
  virtual_host: 'The host that was asked, where the format has it.',
  referrer: 'The referring host.',
  browser: 'The browser, by the user agent.',
  browser_version: 'The browser and its major version.',
  os: 'The operating system, by the user agent.',
  device: 'desktop, mobile, tablet, tv or bot, by the user agent.',
  country: 'The country of the client’s address, where a database is configured.',
  client: 'The network of the client’s address (/24 or /48): the address itself is not kept.',
  bot: 'The name a program gives itself.',
  site: 'The site somebody came from, by campaign or referrer: Google for www.google.de.',
  channel: 'Direct, Organic Search, Paid Search, Organic Social, Email, AI, Referral and so on.',
  utm_source: 'utm_source of the address asked for.',
  utm_medium: 'utm_medium of the address asked for.',
  utm_campaign: 'utm_campaign of the address asked for.',
  utm_content: 'utm_content of the address asked for.',
  utm_term: 'utm_term of the address asked for.',
  hour: 'The hour of the day, 00 to 23, in the site’s time zone.',
} as const
