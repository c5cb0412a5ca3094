// IncrementalAlterConfigs, v0-1. Settings of topics are set, removed, or, where they are lists, added to and taken
// from; all others stay. Every replica goes by them without a restart. The controller writes; others hand it on.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import { configRow } from '../controller/topic-configs.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import {
  configOperations,
  type IncrementalAlterConfigsRequest,
} from '../protocol/messages/44-incremental-alter-configs.ts'
import { alterEach, type ConfigDecision } from './altered-configs.ts'

type Resource = IncrementalAlterConfigsRequest['resources'][number]
type Configs = Readonly<Record<string, string>>

export async function incrementalAlterConfigs(
  request: IncrementalAlterConfigsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.incrementalAlterConfigs> {
  const responses = await alterEach(
    {
      ...request,
      mayBeNull: ({ configOperation }) => configOperation === configOperations.delete,
      decide: resource => now => changed(now, resource, broker),
      forward: async resources => {
        const body = { ...request, resources }
        return (await broker.parts.forwarder.forward(apis.incrementalAlterConfigs, body))?.responses ?? null
      },
    },
    call,
    broker,
  )
  return { responses }
}

function changed(now: Configs, { configs }: Resource, broker: Broker): ReturnType<ConfigDecision> {
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
  return { configs: Object.fromEntries(next) }
}

function listOf(value: string): string[] {
  return value.split(',').filter(one => one !== '')
}
