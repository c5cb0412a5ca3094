// What an error says about a write: that it has not happened and never will (`fail`), or nothing (`info`). A table,
// after Jepsen's for Redpanda, in our names of Kafka's codes. Pure.
import type { ErrorName } from '../../../broker/protocol/errors.ts'
import type { Completion } from './history.ts'

/** Refused before anything was appended. Whatever is not listed is unknown. */
const refusedBeforeAppend: ReadonlySet<ErrorName> = new Set([
  'topicAuthorizationFailed',
  'clusterAuthorizationFailed',
  'invalidTopicException',
  'invalidReplicationFactor',
  'unknownTopicOrPartition',
  'unknownTopicId',
  'notController',
  'producerFenced',
  'invalidProducerEpoch',
  'outOfOrderSequenceNumber',
  // Checked before the append; its sister `notEnoughReplicasAfterAppend` is in the log and may commit later.
  'notEnoughReplicas',
  'messageTooLarge',
  'recordListTooLarge',
  'invalidRecord',
  'unsupportedCompressionType',
])

/** `notLeaderOrFollower` is unknown on purpose: a broker may append, lose the lead, and then answer so. */
export function outcomeOf(error: ErrorName): Completion {
  if (error === 'none') return 'ok'
  return refusedBeforeAppend.has(error) ? 'fail' : 'info'
}

/** Of an exception: a connection that was refused has carried nothing; any other may have. */
export function outcomeOfException(error: Error): Completion {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ECONNREFUSED') return 'fail'
  }
  return 'info'
}
