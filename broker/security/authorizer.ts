// Kafka's rules (ACLs): what is not allowed is denied, and a rule that denies wins over any that allows. Literal and
// prefixed patterns, hosts, implied operations. Pure: rules come and go, questions are answered from memory.
import type { Access } from './access.ts'
import type { OperationName, ResourceType } from './operations.ts'
import { type Operation, operations, resourceTypes } from './operations.ts'

export const patternTypes = { any: 1, match: 2, literal: 3, prefixed: 4 } as const
export const permissionTypes = { any: 1, deny: 2, allow: 3 } as const

export interface AclRule {
  readonly resourceType: ResourceType
  readonly resourceName: string
  readonly patternType: 'literal' | 'prefixed'
  /** `User:name`, or `User:*` for everybody. */
  readonly principal: string
  /** An address, or `*`. */
  readonly host: string
  readonly operation: Exclude<OperationName, 'any'>
  readonly permission: 'allow' | 'deny'
}

export const wildcard = '*'
const everybody = 'User:*'

/** Whoever may do the one may also do the others: to write to a topic one has to see it. */
const impliedBy: Readonly<Partial<Record<Operation, readonly Operation[]>>> = {
  describe: ['read', 'write', 'delete', 'alter'],
  describeConfigs: ['alterConfigs'],
}

/** One name for equal rules: writing a rule twice is writing it once. */
export function ruleId(rule: AclRule): string {
  const { resourceType, resourceName, patternType, principal, host, operation, permission } = rule
  return JSON.stringify([resourceType, resourceName, patternType, principal, host, operation, permission])
}

interface RulesOfType {
  readonly literal: Map<string, AclRule[]>
  readonly prefixed: Map<string, AclRule[]>
}

export class Authorizer {
  readonly #rules = new Map<string, AclRule>()
  readonly #byType = new Map<ResourceType, RulesOfType>()
  readonly #superUsers: ReadonlySet<string>

  constructor(superUsers: Iterable<string> = []) {
    this.#superUsers = new Set(superUsers)
  }

  rules(): Iterable<AclRule> {
    return this.#rules.values()
  }

  add(rule: AclRule): void {
    const id = ruleId(rule)
    if (this.#rules.has(id)) return
    this.#rules.set(id, rule)
    const named = this.#namedLike(rule)
    const list = named.get(rule.resourceName)
    if (list) list.push(rule)
    else named.set(rule.resourceName, [rule])
  }

  remove(rule: AclRule): void {
    const id = ruleId(rule)
    if (!this.#rules.delete(id)) return
    const named = this.#namedLike(rule)
    const left = (named.get(rule.resourceName) ?? []).filter(other => ruleId(other) !== id)
    if (left.length > 0) named.set(rule.resourceName, left)
    else named.delete(rule.resourceName)
  }

  accessOf(principal: string, host: string): Access {
    return {
      may: (operation, type, name) => this.may(principal, host, operation, type, name),
      maySomewhere: (operation, type) => this.maySomewhere(principal, host, operation, type),
    }
  }

  may(principal: string, host: string, operation: Operation, type: ResourceType, name: string): boolean {
    if (this.#superUsers.has(principal)) return true
    let allowed = false
    for (const rules of this.#matching(type, name)) {
      for (const rule of rules) {
        if (!isAbout(rule, principal, host)) continue
        if (rule.permission === 'deny') {
          if (rule.operation === 'all' || rule.operation === operation) return false
        } else if (grants(rule, operation)) allowed = true
      }
    }
    return allowed
  }

  /** As Kafka decides it: some rule allows, and no rule that denies covers everything that rule allows. */
  maySomewhere(principal: string, host: string, operation: Operation, type: ResourceType): boolean {
    if (this.#superUsers.has(principal)) return true
    for (const rule of this.#rules.values()) {
      if (rule.resourceType !== type || rule.permission !== 'allow') continue
      if (!isAbout(rule, principal, host) || !grants(rule, operation)) continue
      if (!this.#isCovered(rule, principal, host, operation)) return true
    }
    return false
  }

  /** Every name that the rule allows is denied by another. */
  #isCovered(rule: AclRule, principal: string, host: string, operation: Operation): boolean {
    for (const other of this.#rules.values()) {
      if (other.resourceType !== rule.resourceType || other.permission !== 'deny') continue
      if (!isAbout(other, principal, host)) continue
      if (other.operation !== 'all' && other.operation !== operation) continue
      if (other.patternType === 'literal') {
        if (other.resourceName === wildcard) return true
        if (rule.patternType === 'literal' && rule.resourceName === other.resourceName) return true
      } else if (rule.resourceName !== wildcard && rule.resourceName.startsWith(other.resourceName))
        return true
    }
    return false
  }

  *#matching(type: ResourceType, name: string): Generator<readonly AclRule[]> {
    const rules = this.#byType.get(type)
    if (!rules) return
    const own = rules.literal.get(name)
    if (own) yield own
    const all = name === wildcard ? undefined : rules.literal.get(wildcard)
    if (all) yield all
    for (const [prefix, list] of rules.prefixed) if (name.startsWith(prefix)) yield list
  }

  #namedLike(rule: AclRule): Map<string, AclRule[]> {
    let rules = this.#byType.get(rule.resourceType)
    if (!rules) this.#byType.set(rule.resourceType, (rules = { literal: new Map(), prefixed: new Map() }))
    return rules[rule.patternType]
  }
}

function isAbout(rule: AclRule, principal: string, host: string): boolean {
  const isHim = rule.principal === principal || rule.principal === everybody
  return isHim && (rule.host === wildcard || rule.host === host)
}

function grants({ operation: given }: AclRule, operation: Operation): boolean {
  if (given === 'all' || given === operation) return true
  return impliedBy[operation]?.includes(given) ?? false
}

/** What a filter of Kafka's admin client asks for; codes as on the wire, null for "whatever". */
export interface AclFilter {
  readonly resourceType: number
  readonly resourceName: string | null
  readonly patternType: number
  readonly principal: string | null
  readonly host: string | null
  readonly operation: number
  readonly permission: number
}

export function isWanted(rule: AclRule, filter: AclFilter): boolean {
  const isAny = (code: number) => code === 1
  if (!isAny(filter.resourceType) && filter.resourceType !== resourceTypes[rule.resourceType]) return false
  if (!isAny(filter.operation) && filter.operation !== operations[rule.operation]) return false
  if (!isAny(filter.permission) && filter.permission !== permissionTypes[rule.permission]) return false
  if (filter.principal !== null && filter.principal !== rule.principal) return false
  if (filter.host !== null && filter.host !== rule.host) return false
  return isNamed(rule, filter)
}

function isNamed({ resourceName, patternType }: AclRule, filter: AclFilter): boolean {
  const isTypeOk =
    filter.patternType <= patternTypes.match || filter.patternType === patternTypes[patternType]
  if (!isTypeOk) return false
  if (filter.resourceName === null) return true
  if (filter.patternType !== patternTypes.match) return resourceName === filter.resourceName
  // Every rule that would be looked at for this name.
  if (patternType === 'prefixed') return filter.resourceName.startsWith(resourceName)
  return resourceName === filter.resourceName || resourceName === wildcard
}
