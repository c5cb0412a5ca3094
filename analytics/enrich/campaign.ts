// What the query string of a landing page says about the campaign that brought somebody: the five utm parameters, and
// whether an advertiser's click id is there. No string is made of a query that says nothing of the kind. Pure.

export interface Campaign {
  readonly source: string
  readonly medium: string
  readonly campaign: string
  readonly content: string
  readonly term: string
  readonly isPaidClick: boolean
}

const valueLengthMax = 128
const queryBytesMax = 2048
const paidClickIds: ReadonlySet<string> = new Set(['gclid', 'gbraid', 'wbraid', 'msclkid', 'gad_source'])

/** The campaign in `query` (after the question mark), or null where there is none. */
export function campaignOf(query: string): Campaign | null {
  const found: Record<string, string> = Object.create(null)
  let isPaidClick = false
  for (const part of query.slice(0, queryBytesMax).split('&', 64)) {
    const equals = part.indexOf('=')
    if (equals <= 0 || equals === part.length - 1) continue
    const name = part.slice(0, equals).toLowerCase()
    if (paidClickIds.has(name)) isPaidClick = true
    else if (name.startsWith('utm_')) {
      found[name] ??= decoded(part.slice(equals + 1))
    }
  }
  const { utm_source = '', utm_medium = '', utm_campaign = '', utm_content = '', utm_term = '' } = found
  if (!isPaidClick && `${utm_source}${utm_medium}${utm_campaign}${utm_content}${utm_term}` === '') return null
  return {
    source: utm_source.toLowerCase(),
    medium: utm_medium,
    campaign: utm_campaign,
    content: utm_content,
    term: utm_term,
    isPaidClick,
  }
}

/** True if `utm_` or a click id's `clid=`, `braid=`, `gad_` may be in bytes[start, end): a look, not a parse. */
export function mayHoldCampaign(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at + 2 < end; at++) {
    const byte = bytes[at]! | 0x20
    if (byte === 0x75) {
      if ((bytes[at + 1]! | 0x20) === 0x74 && (bytes[at + 2]! | 0x20) === 0x6d && bytes[at + 3] === 0x5f)
        return true
    } else if (byte === 0x69) {
      if ((bytes[at + 1]! | 0x20) === 0x64 && bytes[at + 2] === 0x3d) return true
    } else if (byte === 0x67 && (bytes[at + 1]! | 0x20) === 0x61 && (bytes[at + 2]! | 0x20) === 0x64) {
      return true
    }
  }
  return false
}

function decoded(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced).slice(0, valueLengthMax)
  } catch {
    return spaced.slice(0, valueLengthMax)
  }
}
