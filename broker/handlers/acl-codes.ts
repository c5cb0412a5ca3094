// Kafka's rules between their codes on the wire and our words, and what is wrong with those a client sends.
import { type AclFilter, type AclRule, patternTypes, permissionTypes } from '../security/authorizer.ts'
import {
  clusterResource,
  type OperationName,
  operations,
  type ResourceType,
  resourceTypes,
} from '../security/operations.ts'

interface WireFilter {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

export interface WireRule {
  readonly resourceType: number
  readonly resourceName: string
  readonly resourcePatternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

export function filterOf(wire: WireFilter): AclFilter {
  return {
    resourceType: wire.resourceTypeFilter,
    resourceName: wire.resourceNameFilter,
    patternType: wire.patternTypeFilter,
    principal: wire.principalFilter,
    host: wire.hostFilter,
    operation: wire.operation,
    permission: wire.permissionType,
  }
}

/** Code 0 means something the client itself did not know. */
export function filterFault({ resourceType, patternType, operation, permission }: AclFilter): string | null {
  const hasUnknown = [resourceType, patternType, operation, permission].includes(0)
  return hasUnknown ? 'The filter contains unknown elements.' : null
}

export function describedRule({ principal, host, operation, permission }: AclRule) {
  return {
    principal,
    host,
    operation: operations[operation],
    permissionType: permissionTypes[permission],
  }
}

/** The rule, or why it is none. */
export function ruleOf(wire: WireRule): AclRule | string {
  const resourceType = nameOf(resourceTypes, wire.resourceType)
  const operation = nameOf(operations, wire.operation)
  const patternType = nameOf(patternTypes, wire.resourcePatternType)
  const permission = nameOf(permissionTypes, wire.permissionType)
  const { resourceName, principal, host } = wire
  if (!resourceType || resourceType === 'any') return `Invalid resource type ${wire.resourceType}`
  if (!operation || operation === 'any') return `Invalid operation ${wire.operation}`
  if (patternType !== 'literal' && patternType !== 'prefixed') {
    return `Invalid pattern type ${wire.resourcePatternType}`
  }
  if (permission !== 'allow' && permission !== 'deny') return `Invalid permission ${wire.permissionType}`
  if (resourceName === '') return 'Invalid empty resource name'
  if (resourceType === 'cluster' && resourceName !== clusterResource) {
    return `The only valid name for the CLUSTER resource is ${clusterResource}`
  }
  if (!/^[^:]+:.+$/.test(principal)) return `Could not parse principal from \`${principal}\`: write Type:name`
  if (host === '') return 'Invalid empty host'
  return { resourceType, resourceName, patternType, principal, host, operation, permission }
}

function nameOf(table: typeof resourceTypes, code: number): ResourceType | 'any' | undefined
function nameOf(table: typeof operations, code: number): OperationName | undefined
function nameOf<K extends string>(table: Readonly<Record<K, number>>, code: number): K | undefined
function nameOf(table: Readonly<Record<string, number>>, code: number): string | undefined {
  return Object.keys(table).find(name => table[name] === code)
}
