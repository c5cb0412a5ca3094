// Sends one notification: signed, to the very address that was checked, without following redirects, with a bound on
// what is read of the answer. Throws WebhookError with a sentence for people; knows nothing of retries.
import { createHmac } from 'node:crypto'
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { AllowedTargets } from './address-guard.ts'

export class WebhookError extends Error {
  override readonly name = 'WebhookError'
}

export interface WebhookOptions {
  readonly allowed: AllowedTargets
  /** Signs for one URL; see `secretFor`. */
  secretFor(url: string): string
  /** Of a name; the system's resolver but in tests. */
  resolve?(name: string): Promise<readonly LookupAddress[]>
  readonly timeoutMs?: number
}

export interface Delivery {
  /** The same for every attempt. */
  readonly id: string
  readonly url: string
  readonly body: string
}

const timeoutMs = 10_000
const answerBytesMax = 65_536
const bodyBytesMax = 262_144

/** `v1=` and the HMAC-SHA256, in hex, of `<timestamp>.<body>`; the timestamp is in seconds. */
export function signature(secret: string, timestamp: number, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}

/** Every receiver has a secret of its own: one cannot forge what another gets. */
export function secretFor(master: Buffer, url: string): string {
  return createHmac('sha256', master).update(url).digest('hex')
}

/** Resolves when the receiver has answered with 2xx. */
export async function deliver(delivery: Delivery, nowMs: number, options: WebhookOptions): Promise<void> {
  const { url: text, body, id } = delivery
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) throw new WebhookError(`"${text}" is no http or https URL`)
  if (Buffer.byteLength(body) > bodyBytesMax) throw new WebhookError('the notification is too large')
  const signal = AbortSignal.timeout(options.timeoutMs ?? timeoutMs)
  const target = await checkedAddress(url.hostname.replace(/^\[|\]$/g, ''), options, signal)
  const timestamp = Math.floor(nowMs / 1000)
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'tailrace',
    'idempotency-key': id,
    'tailrace-timestamp': String(timestamp),
    'tailrace-signature': signature(options.secretFor(text), timestamp, body),
    connection: 'close',
  }
  // Whatever is asked for again, by whomever, is answered with the address that was checked.
  const toChecked: LookupFunction = (_name, { all }, callback) => {
    if (all) callback(null, [target])
    else callback(null, target.address, target.family)
  }
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest
  const request = open(url, { method: 'POST', headers, lookup: toChecked, agent: false, signal })
  const status = await statusOf(request, body).catch((error: NodeJS.ErrnoException) => {
    if (signal.aborted)
      throw new WebhookError(`no answer within ${(options.timeoutMs ?? timeoutMs) / 1000} s`)
    throw new WebhookError(`cannot be reached: ${error.code ?? error.message}`)
  })
  if (status >= 200 && status < 300) return
  const what =
    status >= 300 && status < 400 ? `a redirect (${status}), which is not followed` : String(status)
  throw new WebhookError(`answered ${what}`)
}

/** All addresses of a name must be good: which of them is used is not left to chance. */
async function checkedAddress(
  name: string,
  { allowed, resolve }: WebhookOptions,
  signal: AbortSignal,
): Promise<LookupAddress> {
  const literal = isIP(name)
  const found =
    literal !== 0
      ? [{ address: name, family: literal }]
      : await resolved(name, resolve ?? (host => lookup(host, { all: true })), signal)
  for (const { address } of found) {
    const refusal = allowed.refusal(name, address)
    if (refusal !== null) throw new WebhookError(refusal)
  }
  return found[0]!
}

async function resolved(
  name: string,
  resolve: NonNullable<WebhookOptions['resolve']>,
  signal: AbortSignal,
): Promise<readonly LookupAddress[]> {
  const tooLate = new Promise<never>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(new WebhookError(`${name} is not resolved in time`)), {
      once: true,
    }),
  )
  try {
    const found = await Promise.race([resolve(name), tooLate])
    if (found.length > 0) return found
  } catch (error) {
    if (error instanceof WebhookError) throw error
    throw new WebhookError(
      `${name} cannot be resolved: ${(error as NodeJS.ErrnoException).code ?? 'no answer'}`,
    )
  }
  throw new WebhookError(`${name} has no address`)
}

/** The status is what counts; of the body only so much is read that the receiver need not fail in writing it. */
function statusOf(request: ClientRequest, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('response', (response: IncomingMessage) => {
      let bytes = 0
      const finish = () => {
        resolve(response.statusCode ?? 0)
        request.destroy()
      }
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > answerBytesMax) finish()
      })
      response.once('end', finish)
      response.once('error', reject)
    })
    request.end(body)
  })
}
