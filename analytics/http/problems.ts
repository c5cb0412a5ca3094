// Errors as RFC 9457 problem documents. What failed inside is logged, and answered without its insides.
import type { ErrorRequestHandler, Response } from 'express'
import type { z } from 'zod'
import type { Log } from '../../runtime/log.ts'
import { nearest } from '../queries/nearest.ts'
import { ProblemError, shown } from '../queries/problem.ts'
import type { Problem } from './contract.ts'

export function sendProblem(response: Response, problem: ProblemError): void {
  const body: Problem = {
    type: `urn:tailrace:problem:${problem.kind}`,
    title: problem.title,
    status: problem.status,
    detail: problem.message,
    ...(problem.didYouMean === undefined ? {} : { didYouMean: problem.didYouMean }),
  }
  // What is refused for lack of room may be asked again soon.
  if (problem.status === 429 || problem.status === 503) response.set('Retry-After', '1')
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(body))
}

/** A query that its schema refuses, as one sentence about the first thing wrong. */
export function queryProblem(error: z.ZodError, known: readonly string[]): ProblemError {
  const issue = error.issues[0]!
  if (issue.code === 'unrecognized_keys') {
    const name = issue.keys[0]!
    const near = nearest(name, known)
    const hint = near ? ` Did you mean "${near}"?` : ` Known: ${known.join(', ') || 'none'}.`
    return new ProblemError(
      400,
      'unknown-field',
      'Unknown field',
      `There is no field "${shown(name)}".${hint}`,
      near,
    )
  }
  const name = issue.path.join('.')
  return new ProblemError(400, 'bad-field', `Cannot read ${name}`, `${name}: ${issue.message}.`)
}

export function notSignedIn(): ProblemError {
  const detail =
    'Sign in with the link that Tailrace prints at its start, or send Authorization: Bearer with the token in the ' +
    'data directory.'
  return new ProblemError(401, 'not-signed-in', 'Not signed in', detail)
}

/** The last handler: known problems as they are, bad bodies as 400, the rest as 500. */
export function problemHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    if (error instanceof ProblemError) sendProblem(response, error)
    else if (isClientError(error)) {
      const detail = `The request cannot be read: ${error.message}.`
      sendProblem(response, new ProblemError(error.status, 'bad-request', 'Bad request', detail))
    } else {
      log.error('a request failed', { path: request.path, error })
      const detail = 'The server failed at this request; its log says why.'
      sendProblem(response, new ProblemError(500, 'internal', 'Internal error', detail))
    }
  }
}

function isClientError(error: unknown): error is { status: number; message: string } {
  const status = (error as { status?: unknown } | null)?.status
  return typeof status === 'number' && status >= 400 && status < 500
}
