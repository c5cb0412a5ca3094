// InitProducerId, v0-5. A new id each time, never given before in the life of the cluster. Transactions are refused
// for good: half of them would be worse than none.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer, LaterAnswer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { InitProducerIdRequest } from '../protocol/messages/22-init-producer-id.ts'
import { mayCluster } from '../security/access.ts'

export function initProducerId(
  request: InitProducerIdRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.initProducerId> {
  if (call.isFencedAgent) return { errorCode: errorCodes.clusterAuthorizationFailed, producerEpoch: -1 }
  if (request.transactionalId !== null) {
    return { errorCode: errorCodes.transactionalIdAuthorizationFailed, producerEpoch: -1 }
  }
  const mayWrite = mayCluster(call.access, 'idempotentWrite') || call.access.maySomewhere('write', 'topic')
  if (!mayWrite) return { errorCode: errorCodes.clusterAuthorizationFailed, producerEpoch: -1 }
  return nextProducerId(broker)
}

async function nextProducerId(broker: Broker): LaterAnswer<typeof apis.initProducerId> {
  try {
    const producerId = await broker.parts.producerIds.next()
    return { errorCode: errorCodes.none, producerId, producerEpoch: 0 }
  } catch (error) {
    broker.parts.log.warn('the metadata store gave no producer ids', { error })
    return { errorCode: errorCodes.coordinatorNotAvailable, producerEpoch: -1 }
  }
}
