// ApiVersions, v0-4. What the handler table serves, no more. A version we do not know never gets here: the
// connection answers it in version 0, which every client reads (KIP-511).
import type { Call } from '../call.ts'
import { type AdvertisedVersions, type Answer, type HandlerTable, versionRangeOf } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { ApiVersionsRequest } from '../protocol/messages/18-api-versions.ts'

const softwareText = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

let advertised: { readonly table: HandlerTable; readonly versions: readonly AdvertisedVersions[] } | null =
  null

export function apiVersions(
  request: ApiVersionsRequest,
  call: Call,
  table: HandlerTable,
): Answer<typeof apis.apiVersions> {
  if (call.apiVersion >= 3) {
    const { clientSoftwareName, clientSoftwareVersion } = request
    if (!softwareText.test(clientSoftwareName) || !softwareText.test(clientSoftwareVersion)) {
      return { errorCode: errorCodes.invalidRequest }
    }
  }
  if (advertised?.table !== table) {
    const rows = [...table.values()].sort((a, b) => a.api.key - b.api.key)
    advertised = { table, versions: rows.map(({ api }) => versionRangeOf(api)) }
  }
  return { errorCode: errorCodes.none, apiKeys: advertised.versions }
}
