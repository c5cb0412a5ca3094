// The statistics of visits and visitors: what each means and by which dimensions it is kept. Part of the one list in
// catalogue.ts. Data only.
import type { MetricDefinition } from './catalogue.ts'

/** What a visit is broken down by; each beside where it was seen. */
const visitSets = [
  'source',
  'channel,source',
  'referrer,source',
  'entry_page,source',
  'device,source',
  'browser,source',
  'os,source',
  'country,source',
  'source,utm_source',
  'source,utm_medium',
  'source,utm_campaign',
  'source,utm_content',
  'source,utm_term',
  'source,visitor',
] as const

const counted = { kind: 'count', unit: 'count', total: false, finest: 60 } as const
const divided = { kind: 'ratio', total: false, finest: 60 } as const
const ofVisit = { scope: 'visit', dimensions: visitSets } as const
const ofPage = { dimensions: ['path,source'] } as const

export const visitMetricCatalogue = {
  visits: {
    ...counted,
    ...ofVisit,
    definition:
      'Visits, at the time of their first event: events of one visitor with less than 30 minutes between them, cut ' +
      'after 24 hours. The visitor is the record key; the first event decides channel, page, device and campaign.',
  },
  bounces: {
    ...counted,
    ...ofVisit,
    definition: 'Visits with one pageview and no interactive event beside it (as Plausible counts them).',
  },
  bounces_umami: {
    ...counted,
    scope: 'visit',
    dimensions: ['source'],
    definition: 'Visits with exactly one pageview, whatever else happened (as Umami counts them).',
  },
  bounces_posthog: {
    ...counted,
    scope: 'visit',
    dimensions: ['source'],
    definition:
      'Visits with one pageview, no $autocapture event and less than 10 seconds from first to last event (as PostHog ' +
      'counts them).',
  },
  visit_milliseconds: {
    ...counted,
    ...ofVisit,
    unit: 'milliseconds',
    definition: 'Milliseconds from the first to the last event of each visit, added up; a bounce has none.',
  },
  visit_pageviews: {
    ...counted,
    ...ofVisit,
    definition: 'Pageviews of visits, at the time of the visit’s first event.',
  },
  visit_durations: {
    ...counted,
    scope: 'visit',
    dimensions: ['duration,source'],
    definition: 'Visits by how long they lasted: the least of the bounds, in seconds, that is not exceeded.',
  },
  bounce_rate: {
    ...divided,
    ...ofVisit,
    unit: 'ratio',
    numerator: 'bounces',
    denominator: 'visits',
    definition: 'Bounces (Plausible’s definition) divided by visits.',
  },
  bounce_rate_umami: {
    ...divided,
    scope: 'visit',
    dimensions: ['source'],
    unit: 'ratio',
    numerator: 'bounces_umami',
    denominator: 'visits',
    definition: 'Bounces by Umami’s definition divided by visits.',
  },
  bounce_rate_posthog: {
    ...divided,
    scope: 'visit',
    dimensions: ['source'],
    unit: 'ratio',
    numerator: 'bounces_posthog',
    denominator: 'visits',
    definition: 'Bounces by PostHog’s definition divided by visits.',
  },
  visit_duration: {
    ...divided,
    ...ofVisit,
    unit: 'milliseconds',
    numerator: 'visit_milliseconds',
    denominator: 'visits',
    definition: 'Mean time from the first to the last event of a visit; a bounce counts as 0.',
  },
  views_per_visit: {
    ...divided,
    ...ofVisit,
    unit: 'ratio',
    numerator: 'visit_pageviews',
    denominator: 'visits',
    definition: 'Pageviews of visits divided by visits.',
  },
  page_visits: {
    ...counted,
    ...ofPage,
    definition: 'Pageviews of visitors by page, at their own time.',
  },
  exits: {
    ...counted,
    ...ofPage,
    definition: 'Visits whose last pageview was of this page, at the time of that pageview.',
  },
  exit_rate: {
    ...divided,
    ...ofPage,
    unit: 'ratio',
    numerator: 'exits',
    denominator: 'page_visits',
    definition: 'Exits from a page divided by its pageviews.',
  },
  timed_views: {
    ...counted,
    ...ofPage,
    definition: 'Pageviews after which another page of the same visit was viewed.',
  },
  page_milliseconds: {
    ...counted,
    ...ofPage,
    unit: 'milliseconds',
    definition: 'Milliseconds from such a pageview to the next, added up.',
  },
  time_on_page: {
    ...divided,
    ...ofPage,
    unit: 'milliseconds',
    numerator: 'page_milliseconds',
    denominator: 'timed_views',
    definition:
      'Mean time from a pageview to the next of the same visit. How long the last page was looked at is not known, ' +
      'so it is left out.',
  },
  transitions: {
    ...counted,
    finest: 900,
    dimensions: ['next,path,source'],
    definition: 'From one page to the next within a visit, at the time of the first.',
  },
  visitors: {
    kind: 'distinct',
    unit: 'count',
    total: false,
    finest: 60,
    dimensions: ['source'],
    definition:
      'Distinct visitors, by record key: of behaviour events that name one, and of page requests that are no bot’s. ' +
      'Sketches are merged over time, never added. Exact up to 256, then within about 2 %.',
  },
  lifecycle: {
    ...counted,
    finest: 900,
    dimensions: ['source,stage'],
    definition:
      'Visitors of a day: new (first seen that day), returning (also the day before), resurrecting (back after a ' +
      'pause). Dormant are those of the day before who did not come back.',
  },
  weekly_lifecycle: {
    ...counted,
    finest: 900,
    dimensions: ['source,stage'],
    definition: 'The same by weeks that begin on Monday, at the first moment of the week.',
  },
  retention: {
    ...counted,
    finest: 900,
    dimensions: ['cohort,source'],
    definition: 'Visitors active in a week, by the week (its Monday) in which they were first seen.',
  },
  conversions: {
    ...counted,
    dimensions: ['goal,source'],
    definition: 'Events that meet a goal, each time.',
  },
  converters: {
    kind: 'distinct',
    unit: 'count',
    total: false,
    finest: 60,
    dimensions: ['goal,source'],
    definition: 'Distinct visitors with an event that meets a goal.',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>

export type VisitMetricName = keyof typeof visitMetricCatalogue

/** True for what is counted by visitor, and so is refused where the key is none. */
export function isOfVisitors(metric: string): metric is VisitMetricName {
  return Object.hasOwn(visitMetricCatalogue, metric)
}

export const visitDimensionCatalogue = {
  channel: 'How a visitor came: Direct, Organic Search, Paid Social, Email, AI and so on.',
  device: 'Kind of device: desktop, mobile, tablet, tv.',
  browser: 'Name of the browser.',
  os: 'Name of the operating system.',
  country: 'Country of the client address, where a database is at hand.',
  entry_page: 'Page of a visit’s first pageview.',
  utm_source: 'Campaign source of the landing page’s address.',
  utm_medium: 'Campaign medium.',
  utm_campaign: 'Campaign name.',
  utm_content: 'Campaign content.',
  utm_term: 'Campaign term.',
  visitor: 'new in the visitor’s first visit, returning in later ones.',
  duration: 'Upper bound of a bin of durations, in seconds.',
  next: 'The page viewed after.',
  stage: 'new, returning or resurrecting.',
  cohort: 'Monday of the week in which a visitor was first seen.',
  goal: 'Name of a configured goal.',
} as const
