// Who looks at this page, and whether they may act. The server decides; this spares people buttons that it refuses.
import type { MeAnswer } from '../analytics/http/contract.ts'
import { useApi } from './api.ts'

/** Null until it is known. */
export function useMe(): MeAnswer | null {
  return useApi<MeAnswer>('/api/v1/me').data ?? null
}
