// InitProducerId (key 22), v0-5. An idempotent producer asks who it is. Schema only.
//
// v2 flexible. v3 a producer may resume its id and epoch (KIP-360). v4 may answer producerFenced (KIP-588).
// v5 may answer transactionAbortable (KIP-890).
import { type Body, int16, int32, int64, message, nullableString } from '../fields.ts'

export const initProducerIdRequest = message(
  'InitProducerIdRequest',
  { flexible: 2 },
  {
    transactionalId: nullableString(),
    transactionTimeoutMs: int32(),
    producerId: int64('3+', { default: -1 }),
    producerEpoch: int16('3+', { default: -1 }),
  },
)
export type InitProducerIdRequest = Body<typeof initProducerIdRequest>

export const initProducerIdResponse = message(
  'InitProducerIdResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64('0+', { default: -1 }),
    producerEpoch: int16(),
  },
)
export type InitProducerIdResponse = Body<typeof initProducerIdResponse>
