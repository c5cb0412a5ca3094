// DescribeCluster (key 60), v0-2, flexible from v0 (KIP-700). Brokers and controller without topics. Schema only.
//
// v1 brokers or controllers (KIP-919). v2 fenced brokers too (KIP-1073).
import {
  array,
  type Body,
  bool,
  int8,
  int16,
  int32,
  message,
  nullableString,
  string,
  struct,
} from '../fields.ts'
import { operationsNotRequested } from './03-metadata.ts'

export const describeClusterRequest = message(
  'DescribeClusterRequest',
  { flexible: 0 },
  {
    includeClusterAuthorizedOperations: bool(),
    endpointType: int8('1+', { default: 1 }),
    includeFencedBrokers: bool('2+'),
  },
)
export type DescribeClusterRequest = Body<typeof describeClusterRequest>

export const describeClusterResponse = message(
  'DescribeClusterResponse',
  { flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullableString(),
    endpointType: int8('1+', { default: 1 }),
    clusterId: string(),
    controllerId: int32('0+', { default: -1 }),
    brokers: array(
      struct({
        brokerId: int32(),
        host: string(),
        port: int32(),
        rack: nullableString(),
        isFenced: bool('2+'),
      }),
    ),
    clusterAuthorizedOperations: int32('0+', { default: operationsNotRequested }),
  },
)
export type DescribeClusterResponse = Body<typeof describeClusterResponse>
