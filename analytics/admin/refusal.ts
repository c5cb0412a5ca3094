// What brokers refuse, as problems of the API: in the broker's words where it has some, else in ours. Pure.
import { type ErrorName, errorName } from '../../broker/protocol/errors.ts'
import { ProblemError } from '../queries/problem.ts'

interface Refusal {
  readonly status: 400 | 403 | 404 | 409 | 503
  readonly words: string
}

const refusals: Partial<Record<ErrorName, Refusal>> = {
  topicAlreadyExists: { status: 409, words: 'there is such a topic already' },
  unknownTopicOrPartition: { status: 404, words: 'there is no such topic or partition' },
  invalidTopicException: { status: 400, words: 'letters, digits, dots, dashes and underscores make a name' },
  invalidPartitions: { status: 400, words: 'that many partitions cannot be had; they can only become more' },
  invalidReplicationFactor: { status: 400, words: 'there are not that many brokers to hold a copy each' },
  invalidConfig: { status: 400, words: 'there is no such setting, or not with this value' },
  policyViolation: { status: 403, words: 'a rule of the brokers forbids it' },
  topicAuthorizationFailed: { status: 403, words: 'the brokers do not allow it' },
  clusterAuthorizationFailed: { status: 403, words: 'the brokers do not allow it' },
  groupAuthorizationFailed: { status: 403, words: 'the brokers do not allow it' },
  offsetOutOfRange: { status: 400, words: 'the log does not reach there' },
  groupIdNotFound: { status: 404, words: 'there is no such group' },
  nonEmptyGroup: { status: 409, words: 'it has members; stop them first' },
  unknownMemberId: { status: 409, words: 'it has members; stop them first' },
  notCoordinator: { status: 503, words: 'it has just moved to another broker; try again' },
  coordinatorNotAvailable: { status: 503, words: 'nobody looks after it now; try again' },
  coordinatorLoadInProgress: { status: 503, words: 'it is being read back; try again' },
  notLeaderOrFollower: { status: 503, words: 'its leader has just changed; try again' },
  leaderNotAvailable: { status: 503, words: 'nobody leads it now' },
  requestTimedOut: { status: 503, words: 'it took too long, and may yet be done; look again' },
}

/** Throws a problem unless the code is none. `what`: `Topic "logs"`. */
export function refuse(errorCode: number, message: string | null, what: string): void {
  const name = errorName(errorCode)
  if (name === 'none') return
  const { status = 409, words = name } = refusals[name] ?? {}
  const kind = name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  throw new ProblemError(status, kind, 'The brokers refused', `${what}: ${message || words}.`)
}

/** Nobody answered, or not in time. */
export function unreachable(error: unknown): ProblemError {
  const words = error instanceof Error ? error.message : String(error)
  const detail = `No broker answered: ${words}. \`tailrace status\` says what is wrong.`
  return new ProblemError(503, 'broker-away', 'No broker to ask', detail)
}
