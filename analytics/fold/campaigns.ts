// Lines whose address names a campaign: counted by its utm parameters, and under its source instead of the referrer's.
// Rare enough to work with strings. Pure.
import { type Campaign, campaignOf } from '../enrich/campaign.ts'
import { sourceOf } from '../enrich/referrer.ts'
import { noReferrer } from '../windows/catalogue.ts'
import type { Client } from './client-cache.ts'
import { referrerSource } from './expand.ts'
import type { FoldState } from './fold-state.ts'
import {
  type PendingBucket,
  setChannel,
  setSite,
  setUtmCampaign,
  setUtmContent,
  setUtmMedium,
  setUtmSource,
  setUtmTerm,
} from './pending.ts'

const parameters = [
  [setUtmSource, 'source'],
  [setUtmMedium, 'medium'],
  [setUtmCampaign, 'campaign'],
  [setUtmContent, 'content'],
  [setUtmTerm, 'term'],
] as const satisfies readonly (readonly [number, keyof Campaign])[]

/** What a line adds beside itself. */
export interface CampaignLine {
  readonly bytes: number
  readonly isError: number
  readonly isClientError: number
}

/**
 * False where the query names no campaign. `visitor` is null for a bot; `referrer` is the value whose cell has it,
 * which is `__other__` for one beyond the day's limit.
 */
export function countCampaign(
  state: FoldState,
  bucket: PendingBucket,
  referrer: number,
  query: string,
  visitor: Client | null,
  { bytes, isError, isClientError }: CampaignLine,
): boolean {
  const campaign = campaignOf(query)
  if (campaign === null) return false
  const count = (set: number, text: string, times: 1 | -1, client: Client | null) => {
    const cell = state.cell(bucket, set, state.values.idOfText(text))
    cell.requests += times
    cell.errors += isError * times
    cell.clientErrors += isClientError * times
    cell.bytes += bytes * times
    if (client === null) return
    cell.clients ??= new Set()
    cell.clients.add(client)
  }
  for (const [set, parameter] of parameters) {
    if (campaign[parameter] !== '') count(set, campaign[parameter], 1, visitor)
  }
  const host = state.values.text(referrer)
  const { site, channel } = sourceOf(host === noReferrer || state.isOwnHost(host) ? '' : host, campaign)
  count(setSite, site, 1, visitor)
  count(setChannel, channel, 1, visitor)
  // The flush counts the referrer's requests under its own source: these are not among them.
  const instead = referrerSource(state, referrer)
  if (instead !== null) {
    count(setSite, state.values.text(instead.site), -1, null)
    count(setChannel, state.values.text(instead.channel), -1, null)
  }
  return true
}
