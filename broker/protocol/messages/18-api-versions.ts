// ApiVersions (key 18), v0-4. What this broker speaks: the first thing every client asks. Schema only.
//
// v1 throttle time. v3 flexible, the client's software, features (KIP-511, KIP-584). v4 features may start at 0
// (KAFKA-17011). The answer's header is the oldest one in every version, and a version the broker does not know is
// answered in v0 with unsupportedVersion: the client cannot know better yet.
import { array, type Body, bool, int16, int32, int64, message, string, struct, tagged } from '../fields.ts'

export const apiVersionsRequest = message(
  'ApiVersionsRequest',
  { flexible: 3 },
  {
    clientSoftwareName: string('3+'),
    clientSoftwareVersion: string('3+'),
  },
)
export type ApiVersionsRequest = Body<typeof apiVersionsRequest>

export const apiVersionsResponse = message(
  'ApiVersionsResponse',
  { flexible: 3 },
  {
    errorCode: int16(),
    apiKeys: array(struct({ apiKey: int16(), minVersion: int16(), maxVersion: int16() })),
    throttleTimeMs: int32('1+'),
    supportedFeatures: tagged(
      '3+',
      0,
      array(struct({ name: string('3+'), minVersion: int16('3+'), maxVersion: int16('3+') })),
    ),
    finalizedFeaturesEpoch: tagged('3+', 1, int64('3+', { default: -1 })),
    finalizedFeatures: tagged(
      '3+',
      2,
      array(struct({ name: string('3+'), maxVersionLevel: int16('3+'), minVersionLevel: int16('3+') })),
    ),
    zkMigrationReady: tagged('3+', 3, bool('3+')),
  },
)
export type ApiVersionsResponse = Body<typeof apiVersionsResponse>
