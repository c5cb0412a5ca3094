// A user agent as browser, operating system and kind of device, or as the program it says it is. Pure, some tens of
// microseconds: call it behind a cache, once for each string.
import Bowser from 'bowser'
import { botName, isBot } from './bots.ts'

export interface UserAgent {
  readonly browser: string
  /** Name and major version: `Firefox 144`. */
  readonly browserVersion: string
  readonly os: string
  /** desktop, mobile, tablet, tv, bot or (unknown). */
  readonly device: string
  /** The program's name, '' for people. */
  readonly bot: string
}

export const unknownAgent = '(unknown)'
/** Longer ones are cut: what matters stands in front, and a pattern must not run for long. */
export const userAgentBytesMax = 512

export function describeUserAgent(text: string): UserAgent {
  const userAgent = text.slice(0, userAgentBytesMax)
  if (isBot(userAgent)) {
    const name = botName(userAgent)
    return { browser: name, browserVersion: name, os: unknownAgent, device: 'bot', bot: name }
  }
  const { browser, os, platform } = Bowser.parse(userAgent === '' ? '-' : userAgent)
  const name = browser.name || unknownAgent
  const major = /^\d{1,6}/.exec(browser.version ?? '')?.[0]
  return {
    browser: name,
    browserVersion: major === undefined ? name : `${name} ${major}`,
    os: os.name || unknownAgent,
    device: platform.type || unknownAgent,
    bot: '',
  }
}
