// The lines of a seeded history, and what each of their parts stands for, written down by hand: which browser a user
// agent is, where a referrer leads, what a path holds. The naive count looks it up here instead of working it out.

export interface AgentTruth {
  readonly browser: string
  readonly browser_version: string
  readonly os: string
  readonly device: string
  readonly bot: string
}

export interface SourceTruth {
  readonly site: string
  readonly channel: string
}

const agentRows = [
  [
    'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
    ['Firefox', 'Firefox 144', 'Linux', 'desktop', ''],
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 ' +
      'Mobile/15E148 Safari/604.1',
    ['Safari', 'Safari 18', 'iOS', 'mobile', ''],
  ],
  [
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
    ['Chrome', 'Chrome 142', 'Android', 'mobile', ''],
  ],
  ['curl/8.14.1', ['curl', 'curl', '(unknown)', 'bot', 'curl']],
  [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    ['Googlebot', 'Googlebot', '(unknown)', 'bot', 'Googlebot'],
  ],
] as const

export const agentTruth: ReadonlyMap<string, AgentTruth> = new Map(
  agentRows.map(([text, [browser, browser_version, os, device, bot]]) => [
    text,
    { browser, browser_version, os, device, bot },
  ]),
)

const direct: SourceTruth = { site: '(direct)', channel: 'Direct' }

/** By the referrer as it stands in the line. */
export const referrerTruth: ReadonlyMap<string, { readonly host: string } & SourceTruth> = new Map([
  ['-', { host: '(direct)', ...direct }],
  ['https://www.google.de/search?q=x', { host: 'www.google.de', site: 'Google', channel: 'Organic Search' }],
  ['https://blog.example/post', { host: 'blog.example', site: 'blog.example', channel: 'Referral' }],
  ['https://t.co/abc', { host: 't.co', site: 'X', channel: 'Organic Social' }],
])

/** By the query string: the parameters, and the source whatever the referrer; null where that one tells. */
export const queryTruth: ReadonlyMap<
  string,
  { readonly parameters: Readonly<Record<string, string>>; readonly source: SourceTruth } | null
> = new Map([
  ['', null],
  ['?q=utm', null],
  [
    '?utm_source=Letter&utm_medium=email&utm_campaign=autumn%20sale',
    {
      parameters: { utm_source: 'letter', utm_medium: 'email', utm_campaign: 'autumn sale' },
      source: { site: 'letter', channel: 'Email' },
    },
  ],
  [
    '?a=1&utm_source=google&utm_medium=cpc&utm_term=shoes&utm_content=b',
    {
      parameters: { utm_source: 'google', utm_medium: 'cpc', utm_term: 'shoes', utm_content: 'b' },
      source: { site: 'Google', channel: 'Paid Search' },
    },
  ],
])

/** By path: what it holds, and whether it is served as it lies there. */
export const pathTruth: ReadonlyMap<string, { readonly content: string; readonly isStatic: boolean }> =
  new Map([
    ['/', { content: 'page', isStatic: false }],
    ['/p/1', { content: 'page', isStatic: false }],
    ['/p/2.html', { content: 'page', isStatic: false }],
    ['/app.js', { content: 'script', isStatic: true }],
    ['/logo.PNG', { content: 'image', isStatic: true }],
    ['/feed.xml', { content: 'data', isStatic: false }],
    ['/v1.2/orders', { content: 'page', isStatic: false }],
  ])

export type StoryTopic = 'logs' | 'behavior' | 'metrics'

export interface StoryLine {
  readonly line: string
  readonly format: string
}

export function storyLine(random: (below: number) => number, topic: StoryTopic, timeMs: number): StoryLine {
  const iso = new Date(timeMs).toISOString()
  if (topic === 'behavior') return { line: eventText(random, iso), format: 'json' }
  if (topic === 'metrics') return { line: sampleText(random, iso), format: 'metrics' }
  const kind = random(8)
  if (kind === 0) {
    const level = ['info', 'warn', 'error'][random(3)]
    return { line: `time=${iso} level=${level} msg="order ${random(90)}"`, format: 'logfmt' }
  }
  const line = accessText(random, iso)
  if (kind > 1) return { line: line + (random(3) === 0 ? '' : ` ${timeText(random)}`), format: 'combined' }
  return { line: `shop${random(2)}.example:443 ${line}`, format: 'vhost_combined' }
}

function eventText(random: (below: number) => number, iso: string): string {
  const type = random(2) === 0 ? 'page' : 'track'
  const referrer = random(2) === 0 ? '' : `https://r${random(3)}.example/x?y`
  const event = `e${random(4)}`
  const anonymousId = `v${random(50)}`
  return JSON.stringify({ timestamp: iso, type, event, anonymousId, path: `/p/${random(9)}`, referrer })
}

/** m3_total is a counter: it rises, and now and then begins again. */
function sampleText(random: (below: number) => number, iso: string): string {
  const number = random(4)
  const name = number === 3 ? 'm3_total' : `m${number}`
  return JSON.stringify({ timestamp: iso, host: `h${random(2)}`, name, value: random(1000) / 8, unit: '1' })
}

/** Seconds, as nginx says how long a request took. */
function timeText(random: (below: number) => number): string {
  return (random(4000) / 1000).toFixed(3)
}

function accessText(random: (below: number) => number, iso: string): string {
  const pick = (from: ReadonlyMap<string, unknown>) => [...from.keys()][random(from.size)]!
  const status = [200, 200, 304, 404, 403, 500][random(6)]
  const time = `${iso.slice(8, 10)}/Nov/2026:${iso.slice(11, 19)} +0000`
  const client = `203.0.${110 + random(3)}.${random(20)}`
  const method = random(5) === 0 ? 'POST' : 'GET'
  const target = `${pick(pathTruth)}${random(2) === 0 ? '' : pick(queryTruth)}`
  return (
    `${client} - - [${time}] "${method} ${target} HTTP/1.1" ${status} ${random(9999)} ` +
    `"${pick(referrerTruth)}" "${pick(agentTruth)}"`
  )
}
