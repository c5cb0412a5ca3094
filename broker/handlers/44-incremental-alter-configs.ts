// IncrementalAlterConfigs, v0-1. Settings of topics are set, removed, or, where they are lists, added to and taken
// from; all others stay. Every replica goes by them without a restart. The controller writes; others hand it on.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Outcome } from '../controller/controller.ts'
import { configRow } from '../controller/topic-configs.ts'
import { isForwarded } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { configResourceTypes } from '../protocol/messages/32-describe-configs.ts'
import {
  configOperations,
  type IncrementalAlterConfigsRequest,
} from '../protocol/messages/44-incremental-alter-configs.ts'
import { allIsWell, alterTopic, answerOf, resourceFault } from './altered-configs.ts'
import { throughController } from './through-controller.ts'

type Resource = IncrementalAlterConfigsRequest['resources'][number]
type Configs = Readonly<Record<string, string>>

export async function incrementalAlterConfigs(
  request: IncrementalAlterConfigsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.incrementalAlterConfigs> {
  const responses = await throughController(request.resources, {
    refusalOf: (resource: Resource) =>
      resourceFault(resource, request.resources, call) ?? nullFault(resource),
    serve: resource => serve(resource, request.validateOnly, broker),
    refuse: answerOf,
    forward: async resources => {
      const body = { ...request, resources }
      return (await broker.parts.forwarder.forward(apis.incrementalAlterConfigs, body))?.responses ?? null
    },
    isController: broker.parts.membership.controller !== null,
    mayForward: !isForwarded(call),
  })
  return { responses }
}

function nullFault({ configs }: Resource): Outcome | null {
  const isNulled = (config: Resource['configs'][number]) =>
    config.value === null && config.configOperation !== configOperations.delete
  const nulled = configs.filter(isNulled).map(({ name }) => name)
  if (nulled.length === 0) return null
  return { error: 'invalidRequest', message: `Null value not supported for : ${nulled.join(', ')}` }
}

async function serve(resource: Resource, validateOnly: boolean, broker: Broker) {
  if (resource.resourceType !== configResourceTypes.topic) return answerOf(resource, allIsWell)
  const decide = (now: Configs) => changed(now, resource, broker)
  return answerOf(resource, await alterTopic(resource, decide, validateOnly, broker))
}

function changed(now: Configs, { configs }: Resource, broker: Broker): Configs | Outcome {
  const next = new Map(Object.entries(now))
  for (const { name, configOperation, value } of configs) {
    if (configOperation === configOperations.delete) next.delete(name)
    else if (configOperation === configOperations.set) next.set(name, value ?? '')
    else {
      const isAppend = configOperation === configOperations.append
      if (!isAppend && configOperation !== configOperations.subtract) {
        return { error: 'invalidRequest', message: `Unknown operation type ${configOperation}` }
      }
      const row = configRow(name)
      if (row?.type !== 'list') {
        const what = isAppend ? 'APPEND to' : 'SUBTRACT from'
        const message = `Can't ${what} key ${name} because its type is not LIST.`
        return { error: 'invalidConfig', message }
      }
      const list = new Set(listOf(next.get(name) ?? broker.parts.configDefaults[name] ?? row.default))
      for (const one of listOf(value ?? '')) {
        if (isAppend) list.add(one)
        else list.delete(one)
      }
      next.set(name, [...list].join(','))
    }
  }
  return Object.fromEntries(next)
}

function listOf(value: string): string[] {
  return value.split(',').filter(one => one !== '')
}
