// Asks the running server for a link that signs in once. Talks HTTP with the admin's token; keeps nothing.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

const requestTimeoutMs = 5_000

/** POST /api/v1/login-links → `{origin}/login#t=…`. Throws ExitError 69 when the server cannot be reached. */
export async function requestLoginLink(origin: string, tokenPath: string): Promise<string> {
  const answer = await callServer(origin, tokenPath, '/api/v1/login-links', 'POST')
  return `${origin}/login#t=${(answer as { token: string }).token}`
}

/** One call with the admin's token. Throws ExitError with the address tried and what to do. */
export async function callServer(
  origin: string,
  tokenPath: string,
  path: string,
  method: string,
  body?: unknown,
  timeoutMs = requestTimeoutMs,
): Promise<unknown> {
  return (await requestServer(origin, tokenPath, path, method, body, timeoutMs)).json()
}

/** The same, for answers that are no JSON. */
export async function requestServer(
  origin: string,
  tokenPath: string,
  path: string,
  method: string,
  body?: unknown,
  timeoutMs = requestTimeoutMs,
): Promise<Response> {
  if (!existsSync(tokenPath)) {
    // `npm start` keeps its data one directory further in.
    const demo = join(dirname(tokenPath), 'demo')
    const hint = existsSync(join(demo, 'token'))
      ? `the demo's is there: --data ${demo}`
      : 'start Tailrace once, or name its data directory with --data'
    throw new ExitError(exitCodes.config, `No token at "${tokenPath}": ${hint}`)
  }
  const token = readFileSync(tokenPath, 'utf8').trim()
  let response: Response
  try {
    response = await fetch(`${origin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message
    throw new ExitError(
      exitCodes.unavailable,
      `Cannot reach ${origin} (${cause}). Is Tailrace running? Start it with \`npm start\`, or name its --http-port`,
    )
  }
  if (!response.ok) {
    const text = (await response.text()).slice(0, 1000)
    if (response.status === 401) {
      throw new ExitError(
        exitCodes.config,
        `${origin} does not know the token in "${tokenPath}": it has another data directory. Name it with --data`,
      )
    }
    const refusal = refusalOf(text)
    if (refusal !== null && [400, 422].includes(response.status))
      throw new ExitError(exitCodes.usage, refusal)
    // What is there already, is gone, is not allowed: the server's own words say it.
    if (refusal !== null && [403, 404, 409, 429].includes(response.status))
      throw new ExitError(exitCodes.failed, refusal)
    throw new ExitError(exitCodes.failed, `${method} ${origin}${path} answered ${response.status}: ${text}`)
  }
  return response
}

/** What a problem document, or a body of Prometheus's, says is wrong with the question. */
function refusalOf(text: string): string | null {
  try {
    const { detail, error } = JSON.parse(text) as { detail?: string; error?: string }
    return detail ?? error ?? null
  } catch {
    return null
  }
}
