// Where the replicas of a new topic go: around the ring of brokers, so that leaders and copies are spread evenly and
// the copies of one broker's partitions over all others. Pure.

/**
 * One list of replicas a partition, its preferred leader first. `live` brokers come before those that are known but
 * down; `start` turns the ring, so that topics of few partitions do not all begin at the same broker.
 */
export function placeReplicas(
  live: readonly number[],
  down: readonly number[],
  partitions: number,
  replicationFactor: number,
  start: number,
): number[][] {
  const ring = [...live].sort((one, other) => one - other)
  const spare = [...down].sort((one, other) => one - other)
  return Array.from({ length: partitions }, (_, index) => {
    const first = (start + index) % ring.length
    // How far the copies are from their leader changes with every turn of the ring.
    const shift = Math.floor((start + index) / ring.length)
    const replicas = [ring[first]!]
    for (let copy = 0; copy < ring.length - 1; copy++) {
      replicas.push(ring[(first + 1 + ((shift + copy) % (ring.length - 1))) % ring.length]!)
    }
    return [...replicas, ...spare].slice(0, replicationFactor)
  })
}
