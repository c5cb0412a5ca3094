// How a broker takes its place in the cluster: under a session, in a new broker epoch. A directory that lost what it
// had acknowledged leaves every in-sync set first, so that nobody elects it for records it no longer has.
import { randomBytes } from 'node:crypto'
import type { Log } from '../../runtime/log.ts'
import type { Guard, MetadataStore, Operation, Session } from '../metadata/store.ts'
import { identityGuards, identityOf, refuseMoved } from './cluster-identity.ts'
import type { ClusterImage } from './cluster-image.ts'
import {
  type Addresses,
  type BrokerRegistration,
  decodeValue,
  encodeValue,
  type KnownBroker,
  keys,
  type PartitionMeta,
  type Topic,
} from './cluster-state.ts'
import { refresh, transactionTimeoutMs, write } from './store-writes.ts'

export interface Identity {
  readonly brokerId: number
  readonly directoryId: string
  readonly host: string
  readonly port: number
  /** Of listeners beside the plain one. */
  readonly endpoints?: Addresses
  /** Of the clean-shutdown marker that was found; -1 without one. */
  readonly previousBrokerEpoch: number
  /** Whether the log of this partition was found to lack records in its midst; default: none does. */
  readonly isDamaged?: (topic: Topic, index: number) => boolean
}

export interface RegistrationOptions {
  readonly store: MetadataStore
  readonly session: Session
  readonly image: ClusterImage
  readonly identity: Identity
  readonly log: Log
  /** What the directory knows of its lives; without it an older copy of it is not recognised. */
  readonly lives?: DirectoryLives
  /** Whether an acknowledged record of this topic survives a power cut on this disk alone. */
  readonly isDurable: (topic: Topic) => boolean
}

export interface DirectoryLives {
  /** Null when the directory does not say. */
  read(): readonly string[] | null
  /** Durably. */
  write(lives: readonly string[]): void
}

export interface Registration {
  readonly incarnation: string
  /** The store's position of this life's registration: a later life has a larger one. */
  readonly brokerEpoch: number
  /** Holds while this life is registered. */
  readonly guard: Guard
}

/** The place in the cluster cannot be had, or is had no more. */
export class ControllerFencedError extends Error {
  override readonly name = 'ControllerFencedError'
}

const retryMs = 100
const undamaged = () => false

/** 16 random bytes as 22 characters; never one that starts with "-", which command lines would take for a flag. */
export function newUuid(): string {
  for (;;) {
    const text = randomBytes(16).toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

/** The cluster's id; made by whoever comes first. */
export async function clusterIdOf(store: MetadataStore): Promise<string> {
  for (;;) {
    const identity = await identityOf(store)
    if (identity) {
      refuseMoved(identity.value)
      return identity.value.id
    }
    const value = encodeValue({ id: newUuid() })
    await store.transact([], [{ create: keys.clusterId, value }], transactionTimeoutMs)
  }
}

/**
 * Whoever holds the lock of the log directory replaces what an earlier life of the same directory left behind at
 * once, instead of waiting for its session to lapse. `image` holds everything when this returns.
 */
export async function register(options: RegistrationOptions): Promise<Registration> {
  const { store, session, image, identity } = options
  const { brokerId, directoryId, host, port, endpoints = {} } = identity
  const incarnation = newUuid()
  const key = keys.broker(brokerId)
  const value: BrokerRegistration = { brokerId, directoryId, incarnation, host, port, endpoints }
  const deadlineMs = performance.now() + 2 * session.ttlMs + transactionTimeoutMs
  let hasWaited = false
  for (;;) {
    await refresh(store, image)
    const guards = await identityGuards(store)
    const left = await store.get(key)
    const isFree = left === null || decodeValue<BrokerRegistration>(left).value.directoryId === directoryId
    if (isFree) {
      const operations: Operation[] = left ? [{ remove: key, version: left.version }] : []
      // Sets are left while nobody is registered: the earlier life's fetches would else bring it back into them.
      if (left && mayLack(options)) {
        await store.transact([], operations, transactionTimeoutMs)
        continue
      }
      if (!left) await leaveLostSets(options)
      operations.push({ create: key, value: encodeValue(value), session })
      await store.transact(guards, operations, transactionTimeoutMs)
      const own = await store.get(key)
      if (own && decodeValue<BrokerRegistration>(own).value.incarnation === incarnation) {
        image.apply(key, own, own.position)
        const brokerEpoch = Number(own.position)
        // The directory first: one that knows of a life which the store does not yet is no older copy.
        const before = image.known.get(brokerId)?.incarnation
        options.lives?.write(before === undefined ? [incarnation] : [before, incarnation])
        await remember(options, { brokerId, directoryId, brokerEpoch, incarnation })
        return { incarnation, brokerEpoch, guard: { key, version: own.version } }
      }
    }
    if (performance.now() > deadlineMs) {
      const holder = left ? Buffer.from(left.value).toString() : 'nobody'
      throw new ControllerFencedError(`Cannot take ${key}: it is held by ${holder}`)
    }
    if (!hasWaited) options.log.warn('waiting for an earlier holder to lapse', { key })
    hasWaited = true
    await new Promise(resolve => setTimeout(resolve, retryMs))
  }
}

async function remember({ store, image }: RegistrationOptions, known: KnownBroker): Promise<void> {
  const key = keys.knownBroker(known.brokerId)
  const value = encodeValue(known)
  for (;;) {
    const before = await store.get(key)
    const operation = before ? { update: key, value, version: before.version } : { create: key, value }
    if ((await write(store, image, [], [operation])).outcome === 'applied') return
  }
}

/**
 * A new directory has nothing, what was not flushed may be gone after an unclean end, and a disk may have lost what it
 * had. Such a replica leaves the sets it was in, while it is not registered and so cannot be elected. Where nobody else
 * is left it leaves, too, unless it is only damaged: then nobody leads until a person decides; but a topic that only
 * ever had this one replica starts again.
 */
async function leaveLostSets(options: RegistrationOptions): Promise<void> {
  const { store, image, log } = options
  for (let attempt = 0; ; attempt++) {
    const operations = withdrawals(options)
    if (operations.length === 0) return
    const partitions = operations.length
    log.warn('this directory may lack acknowledged records and leaves the in-sync sets it was in', {
      partitions,
    })
    const chunk = Math.max(1, store.limits.transactionOperations)
    for (let start = 0; start < operations.length; start += chunk) {
      await write(store, image, [], operations.slice(start, start + chunk))
    }
    if (attempt > 20) throw new ControllerFencedError('Cannot leave the in-sync sets: the store refuses it')
    await refresh(store, image)
  }
}

function mayLack(options: RegistrationOptions): boolean {
  if (topicsLost(options).length > 0) return true
  const { image, identity } = options
  const { isDamaged = undamaged } = identity
  const isAnyDamaged = (topic: Topic) => topic.partitions.some((_, index) => isDamaged(topic, index))
  return [...image.topics.values()].some(isAnyDamaged)
}

function withdrawals(options: RegistrationOptions): Operation[] {
  const operations: Operation[] = []
  const { image, identity } = options
  const { brokerId, isDamaged = undamaged } = identity
  const lost = new Set(topicsLost(options))
  for (const topic of image.topics.values()) {
    topic.partitions.forEach(({ value, version }, index) => {
      let next: PartitionMeta | null = null
      if (lost.has(topic)) next = withoutLost(value, brokerId)
      else if (isDamaged(topic, index)) next = withoutDamaged(value, brokerId)
      const key = keys.partition(topic.id, index)
      if (next) operations.push({ update: key, value: encodeValue(next), version })
    })
  }
  return operations
}

/** Of these, the directory may lack what was acknowledged. */
function topicsLost({ image, identity, isDurable, lives }: RegistrationOptions): Topic[] {
  const before = image.known.get(identity.brokerId)
  // Nobody who is counted on is unknown, but who was forgotten too early: nothing says that it kept what it had.
  const isWiped = before?.directoryId !== identity.directoryId
  const isClean = before?.brokerEpoch === identity.previousBrokerEpoch
  const isLost = isWiped || (before !== undefined && isOlderCopy(lives, before))
  return [...image.topics.values()].filter(topic => isLost || (!isClean && !isDurable(topic)))
}

/** It does not know of the life in which its broker last was registered. */
function isOlderCopy(lives: DirectoryLives | undefined, { incarnation }: KnownBroker): boolean {
  const known = lives?.read() ?? null
  return known !== null && incarnation !== undefined && !known.includes(incarnation)
}

/** With the gap it is still the best there is, where nobody else has everything: it stays, and leads. */
function withoutDamaged(now: PartitionMeta, brokerId: number): PartitionMeta | null {
  const others = [...now.isr, ...(now.elr ?? [])].filter(id => id !== brokerId)
  return others.length === 0 ? null : withoutLost(now, brokerId)
}

function withoutLost(now: PartitionMeta, brokerId: number): PartitionMeta | null {
  const { isr, elr = [], replicas, leader } = now
  if (replicas.length < 2 || (!isr.includes(brokerId) && !elr.includes(brokerId))) return null
  const isLeader = leader === brokerId
  return {
    ...now,
    isr: isr.filter(id => id !== brokerId),
    elr: elr.filter(id => id !== brokerId),
    partitionEpoch: now.partitionEpoch + 1,
    ...(isLeader ? { leader: -1, leaderBrokerEpoch: -1, leaderEpoch: now.leaderEpoch + 1 } : {}),
  }
}
