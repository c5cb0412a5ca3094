// What Prometheus answers when it cannot: its own types of errors with its own statuses.
import { ProblemError } from '../queries/problem.ts'

/** The question cannot be read. */
export function badData(message: string): ProblemError {
  return new ProblemError(400, 'bad_data', 'Cannot read the query', message)
}

/** It can be read, and not be carried out. */
export function execution(message: string): ProblemError {
  return new ProblemError(422, 'execution', 'Cannot carry out the query', message)
}
