// Whether whoever is signed in may change things. The page offers by it; the server decides.
import type { MeAnswer } from '../../analytics/http/contract.ts'
import { useApi } from '../api.ts'

export function useIsAdmin(): boolean {
  return useApi<MeAnswer>('/api/v1/me').data?.role === 'admin'
}
