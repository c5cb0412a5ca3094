// How pages ask over HTTP: one function for reading, one for acting, one cache. Errors carry the server's own words.
// Live numbers do not come this way.
import { keepPreviousData, QueryClient, useQuery } from '@tanstack/react-query'
import type { Problem } from '../analytics/http/contract.ts'
import { visibleText } from './visible-text.ts'

const answerWithinMs = 20_000

/** The server refused, with its reason; or it did not answer (`status` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly problem: Problem | null

  constructor(status: number, message: string, problem: Problem | null) {
    super(message)
    this.status = status
    this.problem = problem
  }
}

/** Values that are undefined, null or empty are left out; lists are repeated. */
export type Parameters = Readonly<Record<string, string | number | readonly string[] | null | undefined>>

/** `/stats/requests` with its parameters, as it stands under /api/v1. */
export function apiPath(path: string, parameters: Parameters = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === null || value === '') continue
    if (typeof value === 'string' || typeof value === 'number') search.append(name, String(value))
    else for (const one of value) search.append(name, one)
  }
  const text = search.toString()
  return `/api/v1${path}${text === '' ? '' : `?${text}`}`
}

export async function read<Answer>(address: string, signal?: AbortSignal): Promise<Answer> {
  return ask<Answer>(address, { signal: bounded(signal) })
}

/** POST, PUT or DELETE with a JSON body. */
export async function act<Answer>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  address: string,
  body?: unknown,
): Promise<Answer> {
  const content =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return ask<Answer>(address, { method, signal: bounded(), ...content })
}

async function ask<Answer>(address: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(address, init).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, 'The server does not answer. Is Tailrace running?', null)
  })
  if (response.status === 204) return undefined as Answer
  if (response.ok) return (await response.json()) as Answer
  const problem = (await response.json().catch(() => null)) as Problem | null
  // Its words repeat what was asked for, which may have come with a link.
  const words = visibleText(problem?.detail || `The server answered ${response.status}.`)
  throw new ApiError(response.status, words, problem)
}

function bounded(signal?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(answerWithinMs)
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal is not worth repeating; silence is.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status > 0),
      staleTime: 2_000,
      refetchOnWindowFocus: false,
      placeholderData: keepPreviousData,
    },
  },
})

export interface Asked<Answer> {
  /** The newest answer, kept while a newer one is on its way or failed. */
  readonly data: Answer | undefined
  readonly error: ApiError | null
  readonly isLoading: boolean
  readonly answeredAt: number
  readonly ask: () => void
}

/** No answer, or a proxy's that there is none. */
function isSilence(error: ApiError | null): boolean {
  return error !== null && [0, 502, 504].includes(error.status)
}

/** Reads an address now and every `everyMs` while it is on screen; null asks for nothing. */
export function useApi<Answer>(address: string | null, everyMs?: number): Asked<Answer> {
  const result = useQuery<Answer, ApiError>({
    queryKey: [address],
    queryFn: ({ signal }) => read<Answer>(address!, signal),
    enabled: address !== null,
    refetchInterval: everyMs ?? false,
  })
  return {
    data: result.data,
    // Cut off is what the page is, and says: each panel keeps what it had.
    error: result.data !== undefined && isSilence(result.error) ? null : result.error,
    isLoading: result.isLoading,
    answeredAt: result.dataUpdatedAt,
    ask: () => void result.refetch(),
  }
}
