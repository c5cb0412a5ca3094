// Who is at the other end, and what they may do. The two that cost nothing to ask, the anonymous client on loopback
// and the cluster's own processes, are here; those with rules are in authorizer.ts. Pure.
import {
  clusterResource,
  type Operation,
  operationBits,
  operationsOf,
  type ResourceType,
} from './operations.ts'

export interface Access {
  may(operation: Operation, type: ResourceType, name: string): boolean
  /** On at least one resource of the type, whichever it is. */
  maySomewhere(operation: Operation, type: ResourceType): boolean
}

export interface Identity {
  /** `User:name`, as rules and Kafka's tools write it. */
  readonly principal: string
  readonly access: Access
}

export const clusterUser = 'tailrace'
const clusterPrincipal = `User:${clusterUser}`
const anonymousPrincipal = 'User:ANONYMOUS'

/** Brokers, and whatever else of this appliance holds the cluster's secret. */
export const clusterIdentity: Identity = {
  principal: clusterPrincipal,
  access: { may: () => true, maySomewhere: () => true },
}

/** Who runs on this machine may do everything but act as a broker. */
export const loopbackIdentity: Identity = {
  principal: anonymousPrincipal,
  access: {
    may: operation => operation !== 'clusterAction',
    maySomewhere: operation => operation !== 'clusterAction',
  },
}

/** Has not said yet who it is. */
export const strangerIdentity: Identity = {
  principal: anonymousPrincipal,
  access: { may: () => false, maySomewhere: () => false },
}

/** Kafka's "authorized operations" of one resource. */
export function authorizedOperations(access: Access, type: keyof typeof operationsOf, name: string): number {
  return operationBits(operationsOf[type].filter(operation => access.may(operation, type, name)))
}

export function mayCluster(access: Access, operation: Operation): boolean {
  return access.may(operation, 'cluster', clusterResource)
}
