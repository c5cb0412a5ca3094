// AlterConfigs, v0-2. What is named is all a topic has afterwards; the rest goes back to the defaults. Deprecated by
// Kafka for that, and still what older clients send. The controller writes it; another broker hands the request on.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Outcome } from '../controller/controller.ts'
import { isForwarded } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { configResourceTypes } from '../protocol/messages/32-describe-configs.ts'
import type { AlterConfigsRequest } from '../protocol/messages/33-alter-configs.ts'
import { allIsWell, alterTopic, answerOf, resourceFault } from './altered-configs.ts'
import { throughController } from './through-controller.ts'

type Resource = AlterConfigsRequest['resources'][number]

export async function alterConfigs(
  request: AlterConfigsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.alterConfigs> {
  const responses = await throughController(request.resources, {
    refusalOf: (resource: Resource) =>
      resourceFault(resource, request.resources, call) ?? nullFault(resource),
    serve: resource => serve(resource, request.validateOnly, broker),
    refuse: answerOf,
    forward: async resources => {
      const body = { ...request, resources }
      return (await broker.parts.forwarder.forward(apis.alterConfigs, body))?.responses ?? null
    },
    isController: broker.parts.membership.controller !== null,
    mayForward: !isForwarded(call),
  })
  return { responses }
}

function nullFault({ configs }: Resource): Outcome | null {
  const nulled = configs.filter(({ value }) => value === null).map(({ name }) => name)
  if (nulled.length === 0) return null
  return { error: 'invalidRequest', message: `Null value not supported for : ${nulled.join(', ')}` }
}

async function serve(resource: Resource, validateOnly: boolean, broker: Broker) {
  if (resource.resourceType !== configResourceTypes.topic) return answerOf(resource, allIsWell)
  const wanted = Object.fromEntries(resource.configs.map(({ name, value }) => [name, value ?? '']))
  return answerOf(resource, await alterTopic(resource, () => wanted, validateOnly, broker))
}
