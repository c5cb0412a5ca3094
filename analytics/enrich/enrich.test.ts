// What is made of user agents, referrers, query strings, addresses and paths, as tables; and a cache that stays small.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { botName, isBot } from './bots.ts'
import { BoundedCache } from './bounded-cache.ts'
import { campaignOf, mayHoldCampaign } from './campaign.ts'
import { truncatedAddress } from './client-address.ts'
import { contentOf, isStatic } from './content.ts'
import { sourceOf } from './referrer.ts'
import { describeUserAgent } from './user-agent.ts'

const chromeTail = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0'

test('describeUserAgent() names browser, version, system and device', () => {
  const rows: [text: string, browser: string, version: string, os: string, device: string][] = [
    [
      'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
      'Firefox',
      'Firefox 144',
      'Linux',
      'desktop',
    ],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chromeTail} Safari/537.36`,
      'Chrome',
      'Chrome 142',
      'Windows',
      'desktop',
    ],
    [
      `Mozilla/5.0 (Linux; Android 10; K) ${chromeTail} Mobile Safari/537.36`,
      'Chrome',
      'Chrome 142',
      'Android',
      'mobile',
    ],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chromeTail} Safari/537.36 Edg/142.0.0.0`,
      'Microsoft Edge',
      'Microsoft Edge 142',
      'Windows',
      'desktop',
    ],
    ['curl/8.14.1', 'curl', 'curl', '(unknown)', 'bot'],
    ['', '(unknown)', '(unknown)', '(unknown)', '(unknown)'],
    ['\u0000\u0001{{7*7}}', '(unknown)', '(unknown)', '(unknown)', '(unknown)'],
  ]
  for (const [text, browser, browserVersion, os, device] of rows) {
    const { bot, ...rest } = describeUserAgent(text)
    assert.deepEqual(rest, { browser, browserVersion, os, device }, text)
    assert.equal(bot !== '', device === 'bot')
  }
})

test('isBot() knows programs by what they say, and phones by their makers', () => {
  const bots: [text: string, name: string][] = [
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot'],
    ['python-requests/2.32', 'python-requests'],
    [`Mozilla/5.0 (X11; Linux x86_64) ${chromeTail.replace('Chrome', 'HeadlessChrome')}`, 'HeadlessChrome'],
    [
      'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
      'GPTBot',
    ],
  ]
  for (const [text, name] of bots) assert.deepEqual([isBot(text), botName(text)], [true, name])
  assert.equal(isBot(`Mozilla/5.0 (Linux; Android 9; CUBOT_X19) ${chromeTail}`), true)
  assert.equal(isBot(`Mozilla/5.0 (Linux; Android 9; CUBOT X19) ${chromeTail}`), false)
})

test('sourceOf() gives the site and the channel', () => {
  const rows: [host: string, query: string, site: string, channel: string][] = [
    ['', '', '(direct)', 'Direct'],
    ['www.google.de', '', 'Google', 'Organic Search'],
    ['google.co.uk', '', 'Google', 'Organic Search'],
    ['www.google.com', 'gclid=abc', 'Google', 'Paid Search'],
    ['', 'utm_source=google&utm_medium=cpc', 'Google', 'Paid Search'],
    ['mail.google.com', '', 'Gmail', 'Email'],
    ['t.co', '', 'X', 'Organic Social'],
    ['l.facebook.com', 'utm_medium=paid_social', 'Facebook', 'Paid Social'],
    ['chatgpt.com', '', 'ChatGPT', 'AI'],
    ['', 'utm_source=Newsletter&utm_medium=email', 'newsletter', 'Email'],
    ['www.example.org', '', 'example.org', 'Referral'],
    ['google.evil.example', '', 'google.evil.example', 'Referral'],
    ['', 'utm_campaign=autumn', '(direct)', 'Other'],
    ['constructor', '', 'constructor', 'Referral'],
  ]
  for (const [host, query, site, channel] of rows) {
    assert.deepEqual(sourceOf(host, campaignOf(query)), { site, channel }, `${host} ${query}`)
  }
})

test('campaignOf() reads the utm parameters, decoded, the first of each', () => {
  const query =
    'a=1&utm_source=News%20Letter&utm_medium=e+mail&utm_term=%zz&utm_source=x&__proto__=y&utm_content='
  assert.deepEqual(campaignOf(query), {
    source: 'news letter',
    medium: 'e mail',
    campaign: '',
    content: '',
    term: '%zz',
    isPaidClick: false,
  })
  assert.equal(campaignOf('q=utm_&page=2'), null)
  for (const [text, expected] of [
    ['a=1&UTM_source=x', true],
    ['gclid=1', true],
    ['page=2&sort=price', false],
    ['utm', false],
  ] as const) {
    const bytes = Buffer.from(text)
    assert.equal(mayHoldCampaign(bytes, 0, bytes.length), expected, text)
  }
})

test('truncatedAddress() keeps the network and nothing finer', () => {
  const rows: [address: string, kept: string][] = [
    ['203.0.113.7', '203.0.113.0/24'],
    ['::ffff:203.0.113.7', '203.0.113.0/24'],
    ['2001:db8:1:2::7', '2001:db8:1::/48'],
    ['2001:0db8:0000:2::7', '2001:db8::/48'],
    ['2001:db8::7', '2001:db8::/48'],
    ['fe80::1%eth0', 'fe80::/48'],
    ['::1', '0::/48'],
    ['host.example', 'host.example'],
  ]
  for (const [address, kept] of rows) assert.equal(truncatedAddress(address), kept, address)
})

test('contentOf() goes by the extension, and a path without one is a page', () => {
  const rows: [path: string, content: string, isServedAsIs: boolean][] = [
    ['/', 'page', false],
    ['/a.b/c', 'page', false],
    ['/app.JS', 'script', true],
    ['/x.tar.gz', 'archive', true],
    ['/feed.xml', 'data', false],
    ['/x.constructor', 'other', false],
  ]
  for (const [path, content, isServedAsIs] of rows) {
    assert.equal(contentOf(path), content, path)
    assert.equal(isStatic(contentOf(path)), isServedAsIs, path)
  }
})

test('BoundedCache keeps what is used and no more than it may', () => {
  const cache = new BoundedCache<number, number>(100)
  for (let key = 0; key < 10_000; key++) {
    cache.set(key, key)
    assert.equal(cache.get(0) ?? 0, 0)
    assert.ok(cache.size <= 100)
  }
  assert.equal(cache.get(0), 0)
  assert.equal(cache.get(5000), undefined)
})
