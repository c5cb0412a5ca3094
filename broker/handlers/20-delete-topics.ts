// DeleteTopics, v1-6. By name, or by id from v6 on. The name is free when this is answered. Another broker than the
// controller hands the request on.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import { isForwarded } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/bytes.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { DeleteTopicsRequest } from '../protocol/messages/20-delete-topics.ts'

export async function deleteTopics(
  request: DeleteTopicsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.deleteTopics> {
  const all =
    call.apiVersion >= 6 ? request.topics : request.topicNames.map(name => ({ name, topicId: zeroUuid }))
  const mayDelete = ({ name, topicId }: Wish) => {
    const known = name ?? broker.topics.byId(topicId)?.name
    return known === undefined || call.access.may('delete', 'topic', known)
  }
  const wishes = all.filter(mayDelete)
  const errorCode = errorCodes.topicAuthorizationFailed
  const denied = all.filter(wish => !mayDelete(wish)).map(wish => ({ ...wish, errorCode }))
  if (!broker.parts.membership.controller) {
    const isHandedOn = isForwarded(call)
    const body = { topics: wishes, timeoutMs: request.timeoutMs }
    const answer = isHandedOn ? null : await broker.parts.forwarder.forward(apis.deleteTopics, body)
    const away = () => wishes.map(wish => ({ ...wish, errorCode: errorCodes.notController }))
    return { responses: [...(answer?.responses ?? away()), ...denied] }
  }
  const responses = []
  for (const wish of wishes) responses.push(await deleteOne(wish, broker))
  return { responses: [...responses, ...denied] }
}

interface Wish {
  readonly name: string | null
  readonly topicId: string
}

async function deleteOne(wish: Wish, broker: Broker) {
  const served = wish.name === null ? broker.topics.byId(wish.topicId) : broker.topics.byName(wish.name)
  const answer = (error: ErrorName, errorMessage: string | null) => ({
    name: served?.name ?? wish.name,
    topicId: served?.id ?? wish.topicId,
    errorCode: errorCodes[error],
    errorMessage,
  })
  if (!served) return answer(wish.name === null ? 'unknownTopicId' : 'unknownTopicOrPartition', null)
  if (served.isInternal) return answer('invalidTopicException', 'An internal topic cannot be deleted.')
  const { error, message } = await broker.deleteTopic(served)
  return answer(error, message)
}
