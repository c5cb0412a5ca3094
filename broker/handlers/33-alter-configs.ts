// AlterConfigs, v0-2. What is named is all a topic has afterwards; the rest goes back to the defaults. Deprecated by
// Kafka for that, and still what older clients send. The controller writes it; another broker hands the request on.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import type { AlterConfigsRequest } from '../protocol/messages/33-alter-configs.ts'
import { alterEach } from './altered-configs.ts'

export async function alterConfigs(
  request: AlterConfigsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.alterConfigs> {
  const responses = await alterEach(
    {
      ...request,
      mayBeNull: () => false,
      decide: resource => () => {
        return { configs: Object.fromEntries(resource.configs.map(({ name, value }) => [name, value ?? ''])) }
      },
      forward: async resources => {
        const body = { ...request, resources }
        return (await broker.parts.forwarder.forward(apis.alterConfigs, body))?.responses ?? null
      },
    },
    call,
    broker,
  )
  return { responses }
}
