// `tailrace cluster move-metadata`: with all brokers stopped, moves what they agree on from one store to another, from
// SQLite to ZooKeeper or back, and says how to start them there. Touches the two stores only.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { flagFor } from '../broker/controller/cluster-identity.ts'
import { type Moved, moveMetadata } from '../broker/controller/metadata-move.ts'
import {
  isServed,
  type MetadataKeys,
  openMetadataStore,
  sessionTtlMsOf,
  withoutCredentials,
} from '../broker/metadata/open-store.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

/** Beyond the lease: whoever ends it looks now and then only. */
const lapseMarginMs = 2_000

export interface MoveRequest {
  /** A path of an SQLite file, or zookeeper://… */
  readonly from: string
  readonly to: string
  readonly keys?: MetadataKeys
}

/** Resolves when brokers may be started on the new store. Throws ExitError with what to do. */
export async function moveBetween({ from, to, keys }: MoveRequest): Promise<Moved> {
  const [source, target] = [placeOf(from, '--from'), placeOf(to, '--to')]
  if (source === target)
    throw new ExitError(exitCodes.usage, `Cannot move the metadata: ${source} is both places`)
  if (!isServed(source) && !existsSync(source)) {
    throw new ExitError(
      exitCodes.usage,
      `Cannot move the metadata: there is no file "${source}". Correct --from`,
    )
  }
  await using stores = new AsyncDisposableStack()
  const open = async (place: string) => {
    const store = await openMetadataStore(place, keys)
    stores.defer(() => store.close())
    return store
  }
  return await moveMetadata({
    source: await open(source),
    target: await open(target),
    from: source,
    to: target,
    lapseMs: sessionTtlMsOf(source) + lapseMarginMs,
  })
}

export function movedText({ clusterId, topics, partitions, entries }: Moved, to: string): string {
  return (
    `Cluster ${clusterId} has moved: ${topics} topics, ${partitions} partitions, ${entries} entries in all.\n` +
    `Start every broker with ${flagFor(placeOf(to, '--to'))}\n`
  )
}

function placeOf(text: string, flag: string): string {
  if (!text.includes('://')) return resolve(text)
  if (!isServed(text)) {
    throw new ExitError(
      exitCodes.usage,
      `Cannot read ${flag} "${text}": write a file, or zookeeper://host:2181/path`,
    )
  }
  if (withoutCredentials(text) === text) return text
  const why =
    'every user of the machine could read the password. Name its file: zookeeper.credentials in tailrace.yaml'
  throw new ExitError(exitCodes.usage, `Cannot take ${flag} with a password in it: ${why}`)
}
