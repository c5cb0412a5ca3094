// Which brokers an SQLite metadata store counts as its cluster's, read while nothing runs: those that were ever
// registered and not removed, and those that partitions count on. Reads one file, changes nothing.
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { KnownBroker, PartitionMeta } from '../broker/controller/cluster-state.ts'

interface Row {
  readonly key: string
  readonly value: Uint8Array
}

/** Ids in ascending order; none where there is no store, or nobody has registered yet. */
export function membersIn(metadataPath: string): number[] {
  if (!existsSync(metadataPath)) return []
  let database: Database.Database | undefined
  try {
    database = new Database(metadataPath, { readonly: true })
    const rows = database
      .prepare<[], Row>(
        "SELECT key, value FROM entries WHERE key LIKE 'brokers/known/%' OR key LIKE 'topics/%/p/%'",
      )
      .all()
    const ids = rows.flatMap(({ key, value }) => {
      const entry: unknown = JSON.parse(Buffer.from(value).toString())
      return key.startsWith('topics/') ? (entry as PartitionMeta).replicas : [(entry as KnownBroker).brokerId]
    })
    return [...new Set(ids)].sort((one, other) => one - other)
  } catch {
    // Not yet a store, or no longer one: whoever opens it for good says what is wrong with it.
    return []
  } finally {
    database?.close()
  }
}
