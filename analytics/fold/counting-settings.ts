// What an operator may set about the counting of single lines, as plain data between processes, and as the fold takes
// it. Reads the country database, if one is named.
import { openCountries } from '../enrich/country.ts'
import { CustomStatistics, type StatisticDefinition } from './custom.ts'
import type { FoldOptions } from './fold-state.ts'

export interface CountingSettings {
  readonly statistics?: readonly StatisticDefinition[]
  readonly apdexMs?: number
  readonly ownHosts?: readonly string[]
  readonly keepsAddresses?: boolean
  /** Path of an mmdb file. */
  readonly countryDatabase?: string
}

export function foldOptions(settings: CountingSettings = {}): FoldOptions {
  const { statistics = [], apdexMs, ownHosts, keepsAddresses, countryDatabase } = settings
  return {
    apdexMs,
    ownHosts,
    keepsAddresses,
    statistics: statistics.length > 0 ? new CustomStatistics(statistics) : undefined,
    countryOf: countryDatabase === undefined ? undefined : openCountries(countryDatabase),
  }
}
