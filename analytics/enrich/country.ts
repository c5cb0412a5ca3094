// The country an address is registered in, from a database of MaxMind's format that the operator names; none by
// default. The CC0 package @ip-location-db/geo-whois-asn-country-mmdb has one. Reads its file once, when opened.
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { type CountryResponse, Reader } from 'mmdb-lib'

/** ISO 3166 code in capitals, or '(unknown)'. */
export type CountryOf = (address: string) => string

export const unknownCountry = '(unknown)'

/** Throws where the file cannot be read or is no such database. */
export function openCountries(path: string): CountryOf {
  const reader = new Reader<CountryResponse>(readFileSync(path))
  return address => codeIn(lookUp(reader, address))
}

/** The library takes anything for an address, and a long one for its beginning where the tree is short. */
function lookUp(reader: Reader<CountryResponse>, address: string): unknown {
  const family = isIP(address)
  if (family === 0 || (family === 6 && reader.metadata.ipVersion === 4)) return null
  try {
    return reader.get(address)
  } catch {
    return null
  }
}

/** `country_code` as ip-location-db has it, `country.iso_code` as MaxMind has it. */
function codeIn(found: unknown): string {
  if (typeof found !== 'object' || found === null) return unknownCountry
  const { country_code: plain, country } = found as {
    country_code?: unknown
    country?: { iso_code?: unknown }
  }
  const code = plain ?? country?.iso_code
  return typeof code === 'string' && /^[a-z]{2}$/i.test(code) ? code.toUpperCase() : unknownCountry
}
