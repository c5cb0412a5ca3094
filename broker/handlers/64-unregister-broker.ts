// UnregisterBroker, v0. A broker that holds nothing any more is forgotten, so that no new topic counts on its coming
// back. One that still lives and is not stopped registers again when its session next ends. The controller writes it.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import { isForwarded } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { UnregisterBrokerRequest } from '../protocol/messages/64-unregister-broker.ts'

export async function unregisterBroker(
  request: UnregisterBrokerRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.unregisterBroker> {
  const { membership, forwarder } = broker.parts
  const { controller } = membership
  if (!controller) {
    const isHandedOn = isForwarded(call)
    const answer = isHandedOn ? null : await forwarder.forward(apis.unregisterBroker, request)
    return answer ?? { errorCode: errorCodes.notController, errorMessage: null }
  }
  try {
    const { error, message } = await controller.forgetBroker(request.brokerId)
    return { errorCode: errorCodes[error], errorMessage: message }
  } catch (error) {
    return { errorCode: errorCodes.notController, errorMessage: (error as Error).message }
  }
}
