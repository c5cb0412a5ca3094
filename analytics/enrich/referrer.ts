// Where somebody came from: the site behind a referrer or a campaign, and the channel it belongs to. A short table of
// ours, matched by the host's name without its country. Pure.
import type { Campaign } from './campaign.ts'

export type Channel =
  | 'Direct'
  | 'Organic Search'
  | 'Paid Search'
  | 'Organic Social'
  | 'Paid Social'
  | 'Organic Video'
  | 'AI'
  | 'Email'
  | 'Display'
  | 'Affiliates'
  | 'Referral'
  | 'Other'

export interface Source {
  /** `Google` for www.google.de; the host itself where the table has no name for it. */
  readonly site: string
  readonly channel: Channel
}

export const directSource: Source = { site: '(direct)', channel: 'Direct' }

type Kind = 'search' | 'social' | 'video' | 'ai' | 'email'

type Known = { readonly kind: Kind; readonly site: string } | null

/** A name with a dot must end the host; one without is the word before the country: google.de, google.co.uk. */
const sites: readonly (readonly [Kind, string, readonly string[]])[] = [
  ['ai', 'ChatGPT', ['chatgpt.com', 'chat.openai.com']],
  ['ai', 'Claude', ['claude.ai']],
  ['ai', 'Perplexity', ['perplexity.ai']],
  ['ai', 'Gemini', ['gemini.google.com']],
  ['ai', 'Copilot', ['copilot.microsoft.com', 'copilot.com']],
  ['ai', 'Mistral', ['chat.mistral.ai']],
  ['ai', 'DeepSeek', ['chat.deepseek.com']],
  ['ai', 'Grok', ['grok.com']],
  ['email', 'Gmail', ['mail.google.com']],
  ['email', 'Outlook', ['outlook.live.com', 'outlook.office.com', 'outlook.office365.com']],
  ['email', 'Yahoo! Mail', ['mail.yahoo.com']],
  ['email', 'Proton Mail', ['mail.proton.me']],
  ['search', 'Google', ['google']],
  ['search', 'Bing', ['bing.com']],
  ['search', 'DuckDuckGo', ['duckduckgo.com']],
  ['search', 'Yahoo!', ['yahoo']],
  ['search', 'Yandex', ['yandex', 'ya.ru']],
  ['search', 'Baidu', ['baidu.com']],
  ['search', 'Ecosia', ['ecosia.org']],
  ['search', 'Brave', ['search.brave.com']],
  ['search', 'Qwant', ['qwant.com']],
  ['search', 'Startpage', ['startpage.com']],
  ['search', 'Kagi', ['kagi.com']],
  ['search', 'Naver', ['naver.com']],
  ['search', 'Seznam', ['seznam.cz']],
  ['video', 'YouTube', ['youtube.com', 'youtu.be']],
  ['video', 'Vimeo', ['vimeo.com']],
  ['video', 'Twitch', ['twitch.tv']],
  ['social', 'Facebook', ['facebook.com', 'fb.me']],
  ['social', 'Instagram', ['instagram.com']],
  ['social', 'Threads', ['threads.net', 'threads.com']],
  ['social', 'X', ['twitter.com', 'x.com', 't.co']],
  ['social', 'LinkedIn', ['linkedin.com', 'lnkd.in']],
  ['social', 'Reddit', ['reddit.com', 'redd.it']],
  ['social', 'Pinterest', ['pinterest']],
  ['social', 'TikTok', ['tiktok.com']],
  ['social', 'Mastodon', ['mastodon.social', 'mastodon.online', 'fosstodon.org']],
  ['social', 'Bluesky', ['bsky.app']],
  ['social', 'Hacker News', ['news.ycombinator.com']],
  ['social', 'VK', ['vk.com']],
  ['social', 'WhatsApp', ['web.whatsapp.com', 'wa.me']],
  ['social', 'Telegram', ['t.me', 'web.telegram.org']],
]

const byName = new Map(
  sites.flatMap(([kind, site, names]) => names.map(name => [name, { kind, site }] as const)),
)

const organic: Readonly<Record<Kind, Channel>> = {
  search: 'Organic Search',
  social: 'Organic Social',
  video: 'Organic Video',
  ai: 'AI',
  email: 'Email',
}

const paidMedium = /^(.*cp.*|ppc|retargeting|paid.*)$/

/** `host` is the referrer's, '' for none; a campaign says more than a referrer. */
export function sourceOf(host: string, campaign: Campaign | null): Source {
  if (campaign === null) return host === '' ? directSource : sourceOfHost(host)
  const named = knownSite(campaign.source)
  const referring = knownSite(host)
  // A campaign that names its source says where somebody came from; the referrer may be what carried the link.
  const kind = (campaign.source === '' ? referring : named)?.kind ?? null
  return { site: siteOf(named, referring, campaign.source, host), channel: channelOf(kind, campaign, host) }
}

function siteOf(named: Known, referring: Known, source: string, host: string): string {
  if (source !== '') return named?.site ?? withoutWww(source)
  return referring?.site ?? (host === '' ? directSource.site : withoutWww(host))
}

function sourceOfHost(host: string): Source {
  const found = knownSite(host)
  return found === null
    ? { site: withoutWww(host), channel: 'Referral' }
    : { site: found.site, channel: organic[found.kind] }
}

function channelOf(kind: Kind | null, campaign: Campaign, host: string): Channel {
  const medium = campaign.medium.toLowerCase()
  const isPaid = paidMedium.test(medium) || campaign.isPaidClick
  if (kind === 'search') return isPaid ? 'Paid Search' : 'Organic Search'
  if (kind === 'social' || medium === 'social' || medium === 'social-media') {
    return isPaid ? 'Paid Social' : 'Organic Social'
  }
  if (/^e[-_ ]?mail$|^newsletter$/.test(medium) || /^e[-_ ]?mail$|newsletter/.test(campaign.source)) {
    return 'Email'
  }
  if (medium === 'affiliate') return 'Affiliates'
  if (/^(display|banner|expandable|interstitial|cpm)$/.test(medium)) return 'Display'
  if (kind !== null) return organic[kind]
  if (medium === 'organic') return 'Organic Search'
  if (medium === 'referral' || medium === 'link') return 'Referral'
  if (isPaid) return 'Other'
  return host !== '' ? 'Referral' : 'Other'
}

/** The longest name in the table that the host ends with, or the word before a country's ending. */
function knownSite(host: string): Known {
  const labels = host.toLowerCase().slice(0, 253).split('.')
  for (let from = 0; from < labels.length - 1; from++) {
    const found = byName.get(labels.slice(from).join('.'))
    if (found) return found
  }
  if (labels.length === 1) {
    // A campaign calls its source `google`, not google.com.
    return byName.get(labels[0]!) ?? byName.get(`${labels[0]}.com`) ?? null
  }
  const isTwoPart = labels.length > 2 && labels.at(-1)!.length === 2 && labels.at(-2)!.length <= 3
  return byName.get(labels.at(isTwoPart ? -3 : -2)!) ?? null
}

function withoutWww(host: string): string {
  const name = host.toLowerCase()
  return name.startsWith('www.') ? name.slice(4) : name
}
