// Telling programs from people by their user agent: crawlers, monitors, scanners and libraries say what they are, most
// of them. A short list of marks that no browser carries; who pretends to be a browser is taken for one. Pure.

/** Parts of names, in lower case, most frequent first. */
const marks = [
  'bot',
  'crawl',
  'spider',
  'slurp',
  'curl/',
  'wget/',
  'python-',
  'python/',
  'go-http-client',
  'java/',
  'okhttp',
  'apache-httpclient',
  'libwww',
  'node-fetch',
  'axios/',
  'undici',
  'guzzlehttp',
  'scrapy',
  'headless',
  'phantomjs',
  'lighthouse',
  'pingdom',
  'uptime',
  'monitor',
  'statuscake',
  'nagios',
  'check_http',
  'zgrab',
  'masscan',
  'nmap',
  'nikto',
  'sqlmap',
  'nuclei',
  'facebookexternalhit',
  'whatsapp/',
  'feedfetcher',
  'feedly',
  'preview',
  'archiver',
  'validator',
  'probe/',
  'scanner',
  'kube-probe',
  'elb-healthchecker',
  'googlehc/',
  'google-read-aloud',
  'mediapartners',
  'yandex.com/bots',
  'chatgpt-user',
  'perplexity',
  'claude-',
  'anthropic',
] as const

/** Phones whose names hold a mark: `CUBOT` is a maker. */
const notBots = /\bcubot\b/g

export function isBot(userAgent: string): boolean {
  if (userAgent === '') return false
  const text = userAgent.toLowerCase().replaceAll(notBots, '')
  return marks.some(mark => text.includes(mark))
}

/** What a program calls itself: `Googlebot`, `curl`, `python-requests`: the word with the mark, or the first. */
export function botName(userAgent: string): string {
  const words = userAgent.split(/[\s;,()+/:]+/, 40).filter(word => word !== '' && word !== 'http')
  const named = words.find(word => word.length <= 40 && !word.includes('.') && isBot(`${word}/`))
  return (named ?? words[0] ?? '(none)').slice(0, 40)
}
