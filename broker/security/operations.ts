// What a client may do, as the bit sets of Kafka's "authorized operations": bit n is the operation with code n.
// Everybody on loopback may do everything but act as a broker.

const operations = {
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

function bits(...names: (keyof typeof operations)[]): number {
  return names.reduce((set, name) => set | (1 << operations[name]), 0)
}

export const allowedOperations = {
  topic: bits('read', 'write', 'create', 'delete', 'alter', 'describe', 'describeConfigs', 'alterConfigs'),
  group: bits('read', 'delete', 'describe'),
  cluster: bits('create', 'alter', 'describe', 'describeConfigs', 'alterConfigs', 'idempotentWrite'),
} as const
