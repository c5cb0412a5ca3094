// What the handler table is made of: one row per API, from its key to the function that serves it. The server
// reads rows and knows no API; ApiVersions is derived from them, so it cannot promise what is not served.
import type { Call, parked, silent } from './call.ts'
import type { AnyApi } from './protocol/apis.ts'
import type { Body, Encodable } from './protocol/fields.ts'

/** The answer, a promise of it, or the word that it comes later or not at all. */
export type Answer<A extends AnyApi> =
  | Encodable<A['response']>
  | Promise<Encodable<A['response']>>
  | typeof parked
  | typeof silent

export type LaterAnswer<A extends AnyApi> = Promise<Encodable<A['response']>>

export interface HandlerRow {
  readonly api: AnyApi
  readonly handle: (request: unknown, call: Call) => unknown
}

export type HandlerTable = ReadonlyMap<number, HandlerRow>

/** One row; the types of request and answer come from the API's schema. */
export function serve<A extends AnyApi, House>(
  api: A,
  handler: (request: Body<A['request']>, call: Call, house: House) => Answer<A>,
  house: House,
): HandlerRow {
  return { api, handle: (request, call) => handler(request as Body<A['request']>, call, house) }
}

export interface AdvertisedVersions {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

export function versionRangeOf(api: AnyApi): AdvertisedVersions {
  return { apiKey: api.key, minVersion: api.advertised[0], maxVersion: api.advertised[1] }
}
