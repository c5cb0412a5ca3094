// DescribeConfigs (key 32), v1-4. The settings of topics and brokers. Schema only.
//
// v1 where a value comes from and its synonyms (KIP-226). v3 type and documentation (KIP-569). v4 flexible.
import {
  array,
  type Body,
  bool,
  int8,
  int16,
  int32,
  message,
  nullableArray,
  nullableString,
  string,
  struct,
} from '../fields.ts'

export const configResourceTypes = {
  topic: 2,
  broker: 4,
  brokerLogger: 8,
  clientMetrics: 16,
  group: 32,
} as const
export const configSources = {
  unknown: 0,
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
} as const
export const configTypes = {
  unknown: 0,
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
} as const

export const describeConfigsRequest = message(
  'DescribeConfigsRequest',
  { flexible: 4 },
  {
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        // Null asks for all of them.
        configurationKeys: nullableArray(string()),
      }),
    ),
    includeSynonyms: bool('1+'),
    includeDocumentation: bool('3+'),
  },
)
export type DescribeConfigsRequest = Body<typeof describeConfigsRequest>

export const describeConfigsResponse = message(
  'DescribeConfigsResponse',
  { flexible: 4 },
  {
    throttleTimeMs: int32(),
    results: array(
      struct({
        errorCode: int16(),
        errorMessage: nullableString(),
        resourceType: int8(),
        resourceName: string(),
        configs: array(
          struct({
            name: string(),
            value: nullableString(),
            readOnly: bool(),
            configSource: int8('1+', { default: -1 }),
            isSensitive: bool(),
            synonyms: array(
              struct({ name: string('1+'), value: nullableString('1+'), source: int8('1+') }),
              '1+',
            ),
            configType: int8('3+'),
            documentation: nullableString('3+'),
          }),
        ),
      }),
    ),
  },
)
export type DescribeConfigsResponse = Body<typeof describeConfigsResponse>
