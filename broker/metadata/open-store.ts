// Which metadata store a place names: zookeeper://… or zookeeper+tls://… servers, else the path of an SQLite file.
// Loads only the implementation that is asked for.
import type { MetadataStore } from './store.ts'
import { isZookeeperAddress } from './zookeeper/address.ts'
import type { ZookeeperOptions } from './zookeeper/zookeeper-store.ts'

export async function openMetadataStore(
  place: string,
  options: ZookeeperOptions = {},
): Promise<MetadataStore> {
  if (isZookeeperAddress(place)) {
    const { openZookeeperStore } = await import('./zookeeper/zookeeper-store.ts')
    return openZookeeperStore(place, options)
  }
  const { openSqliteStore } = await import('./sqlite-store.ts')
  return openSqliteStore(place)
}
