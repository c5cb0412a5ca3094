// Guarded writes of several brokers to one store: sizes the store allows, and what was applied goes into the image at
// once, so that the writer need not wait for the watch to tell it what it knows.
import type { Guard, MetadataStore, Operation, Version } from '../metadata/store.ts'
import type { ClusterImage } from './cluster-image.ts'

/** A write that the store could not settle in this time is given up; the caller may try again. */
export const transactionTimeoutMs = 5_000

export type WriteOutcome =
  | { readonly outcome: 'applied'; readonly versions: readonly (Version | null)[] }
  | { readonly outcome: 'conflict' }
  | { readonly outcome: 'unknown'; readonly cause: Error }

export async function write(
  store: MetadataStore,
  image: ClusterImage,
  guards: readonly Guard[],
  operations: readonly Operation[],
): Promise<WriteOutcome> {
  const result = await store.transact(guards, operations, transactionTimeoutMs)
  if (result.outcome !== 'applied') return result
  const { position, versions } = result
  operations.forEach((operation, at) => {
    const key = keyOf(operation)
    if ('remove' in operation) image.apply(key, null, position)
    else image.apply(key, { key, value: operation.value, version: versions[at]!, position }, position)
  })
  return result
}

function keyOf(operation: Operation): string {
  if ('create' in operation) return operation.create
  return 'update' in operation ? operation.update : operation.remove
}

/** Reads everything again: what the image missed, or what a conflict was about. */
export async function refresh(store: MetadataStore, image: ClusterImage): Promise<void> {
  await store.barrier()
  const { entries, at } = await store.list('')
  image.replaceAll(entries, at)
}
