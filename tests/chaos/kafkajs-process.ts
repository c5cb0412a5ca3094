// One kafkajs client as a process of its own, told what to do by messages: kafkajs spins in its fetch manager while it
// knows of no broker, and may then be killed without harm to anybody else. Lower priority, for the same reason.
import { setPriority } from 'node:os'
import type { Key } from './checker/history.ts'
import { KafkajsMember } from './kafkajs-member.ts'

export interface KafkajsStart {
  readonly f: 'start'
  readonly bootstrap: readonly string[]
  readonly topic: string
}

export type KafkajsRequest =
  | { readonly f: 'send'; readonly id: number; readonly key: Key; readonly values: readonly number[] }
  | { readonly f: 'poll'; readonly id: number }
  | { readonly f: 'close'; readonly id: number }

export interface KafkajsAnswer {
  readonly id: number
  readonly result: unknown
}

const niceness = 10

let member: KafkajsMember | null = null
setPriority(niceness)
process.on('disconnect', () => process.exit(0))
process.on('message', (message: KafkajsStart | KafkajsRequest) => {
  if (message.f === 'start') {
    const { bootstrap, topic } = message
    member = new KafkajsMember({ bootstrap, topic, onAnomaly: anomaly => process.send!({ anomaly }) })
  } else void carryOut(message)
})

async function carryOut(request: KafkajsRequest): Promise<void> {
  let result: unknown = null
  if (request.f === 'send') result = await member!.send(request.key, request.values)
  else if (request.f === 'poll') result = await member!.poll()
  else await member!.close()
  process.send!({ id: request.id, result } satisfies KafkajsAnswer)
}
