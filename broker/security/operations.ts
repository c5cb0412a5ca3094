// What there is to do and to do it to, numbered as Kafka numbers it, and the bit sets of Kafka's "authorized
// operations": bit n is the operation with code n.

export const operations = {
  any: 1,
  all: 2,
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const
export type OperationName = keyof typeof operations
/** One that can be asked for: not `any`, which only filters know, and not `all`, which only rules know. */
export type Operation = Exclude<OperationName, 'any' | 'all'>

export const resourceTypes = { any: 1, topic: 2, group: 3, cluster: 4, transactionalId: 5 } as const
export type ResourceTypeName = keyof typeof resourceTypes
export type ResourceType = Exclude<ResourceTypeName, 'any'>

/** The one name a cluster has among resources. */
export const clusterResource = 'kafka-cluster'

export const operationsOf = {
  topic: ['read', 'write', 'create', 'delete', 'alter', 'describe', 'describeConfigs', 'alterConfigs'],
  group: ['read', 'delete', 'describe'],
  cluster: [
    'create',
    'alter',
    'describe',
    'clusterAction',
    'describeConfigs',
    'alterConfigs',
    'idempotentWrite',
  ],
} as const satisfies Readonly<Record<string, readonly Operation[]>>

export function operationBits(names: readonly Operation[]): number {
  return names.reduce((set, name) => set | (1 << operations[name]), 0)
}
