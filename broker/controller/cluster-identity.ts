// The entry that names a cluster, `cluster/id`, and what a move of the metadata to another store writes there. Every
// registration is guarded by it, so that a broker which started a moment before the move cannot take its place after.
//
//   { id }                  this store is the cluster's
//   { id, movingTo: B }     a move to B is under way, or was interrupted: nobody registers here
//   { id, incomingFrom: A } a move from A fills this store: nobody registers here yet
//   { id, movedTo: B }      the cluster lives in B; this store is its past
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import { isServed } from '../metadata/open-store.ts'
import type { Guard, MetadataStore } from '../metadata/store.ts'
import { decodeValue, keys, type Versioned } from './cluster-state.ts'

export interface ClusterIdentity {
  readonly id: string
  readonly movingTo?: string
  readonly incomingFrom?: string
  readonly movedTo?: string
}

export async function identityOf(store: MetadataStore): Promise<Versioned<ClusterIdentity> | null> {
  const entry = await store.get(keys.clusterId)
  return entry && decodeValue<ClusterIdentity>(entry)
}

/** Throws ExitError 78, with the command to use, where no broker may start. */
export function refuseMoved({ movedTo, movingTo, incomingFrom }: ClusterIdentity): void {
  if (movedTo !== undefined) refuse(`the cluster's metadata was moved. Start with ${flagFor(movedTo)}`)
  if (movingTo !== undefined) {
    refuse(`its move was interrupted. Finish it: ${moveCommand('the same place as before', movingTo)}`)
  }
  if (incomingFrom !== undefined) {
    refuse(`its move to here was interrupted. Finish it: ${moveCommand(incomingFrom, 'here')}`)
  }
}

/** What a registration is guarded by, as long as brokers may start on this store. */
export async function identityGuards(store: MetadataStore): Promise<Guard[]> {
  const identity = await identityOf(store)
  if (!identity) return []
  refuseMoved(identity.value)
  return [{ key: keys.clusterId, version: identity.version }]
}

export function moveCommand(from: string, to: string): string {
  const word = (place: string) => (/\s/.test(place) ? `(${place})` : place)
  return `tailrace cluster move-metadata --from ${word(from)} --to ${word(to)}`
}

/** How a broker is told to look there. */
export function flagFor(place: string): string {
  return isServed(place) ? `--metadata ${place}` : `--metadata sqlite (the file is ${place})`
}

function refuse(reason: string): never {
  throw new ExitError(exitCodes.config, `Cannot start a broker on this metadata store: ${reason}`)
}
