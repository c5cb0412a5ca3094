// What a page may send over the live socket, checked before it is believed. Pure.
import { z } from 'zod'
import type { ClientMessage } from '../http/contract.ts'

const text = z.string().max(500)
const id = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31)

const schema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), version: z.number(), build: text, lastEpoch: text.optional() }),
  z.object({
    type: z.literal('sub'),
    id,
    topic: text,
    args: z.record(text, text).optional(),
    from: z.object({ epoch: text, seq: z.number().int().min(0) }).optional(),
  }),
  z.object({ type: z.literal('unsub'), id }),
  z.object({ type: z.literal('visibility'), hidden: z.boolean() }),
])

/** A hello of any version and a sub of any topic pass: refusing those takes an answer, not silence. */
export type CheckedMessage =
  | (Omit<Extract<ClientMessage, { type: 'hello' }>, 'version'> & { readonly version: number })
  | (Omit<Extract<ClientMessage, { type: 'sub' }>, 'topic'> & { readonly topic: string })
  | Extract<ClientMessage, { type: 'unsub' | 'visibility' }>

/** Null for what is no message of the protocol. */
export function clientMessage(data: string): CheckedMessage | null {
  try {
    const parsed = schema.safeParse(JSON.parse(data))
    return parsed.success ? (parsed.data as CheckedMessage) : null
  } catch {
    return null
  }
}
