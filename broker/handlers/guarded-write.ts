// Writes to the metadata store that any broker may make for a client: users and rules. What another broker wrote in
// between is read again and the decision made anew.
import type { Broker } from '../broker.ts'
import { refresh, write } from '../controller/store-writes.ts'
import type { Operation } from '../metadata/store.ts'

const attemptsMax = 5

/** `decide` is asked again after each conflict, and what it returns is written in one piece. False if it was not. */
export async function writeGuarded(broker: Broker, decide: () => readonly Operation[]): Promise<boolean> {
  const { membership, log } = broker.parts
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const operations = decide()
    if (operations.length === 0) return true
    try {
      const result = await write(membership.store, membership.image, [membership.registered], operations)
      if (result.outcome === 'applied') return true
      await refresh(membership.store, membership.image)
    } catch (error) {
      log.warn('the metadata store refused a change', { error })
      return false
    }
  }
  return false
}
