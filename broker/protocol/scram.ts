// SCRAM (RFC 5802, RFC 7677): both sides of the conversation as plain steps over bytes, nonces handed in. Only the
// salting of a password costs time; it runs on the thread pool, at most two at once, since anybody may ask for it.
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'

export type ScramHash = 'sha1' | 'sha256' | 'sha512'

/** As Kafka numbers and names them. SHA-1 is not offered: the RFC's example needs it. */
export const scramMechanisms = {
  'SCRAM-SHA-256': { code: 1, hash: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { code: 2, hash: 'sha512', bytes: 64 },
} as const
export type ScramMechanism = keyof typeof scramMechanisms

export const iterationsMin = 4_096
export const iterationsMax = 16_384
/** What a server may make a client calculate. */
const iterationsAcceptedMax = 1_000_000
const saltingsMax = 2

/** What a server keeps of a password: enough to check it, too little to use it elsewhere. */
export interface ScramKeys {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

let salting = 0
const waiting: (() => void)[] = []

/** PBKDF2 off the main loop. */
export async function saltPassword(
  hash: ScramHash,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Buffer> {
  if (salting >= saltingsMax) await new Promise<void>(resolve => waiting.push(resolve))
  else salting++
  try {
    return await new Promise((resolve, reject) => {
      const bytes = createHash(hash).digest().length
      pbkdf2(password, salt, iterations, bytes, hash, (error, key) => (error ? reject(error) : resolve(key)))
    })
  } finally {
    const next = waiting.shift()
    // The place is handed on, so that nobody else slips in between.
    if (next) next()
    else salting--
  }
}

export function keysOf(
  hash: ScramHash,
  saltedPassword: Uint8Array,
  salt: Buffer,
  iterations: number,
): ScramKeys {
  const clientKey = hmac(hash, saltedPassword, 'Client Key')
  const storedKey = digest(hash, clientKey)
  return { salt, iterations, storedKey, serverKey: hmac(hash, saltedPassword, 'Server Key') }
}

/** The server's side of one conversation. `null` from a step means that the client failed. */
export class ScramServer {
  readonly #hash: ScramHash
  readonly #serverNonce: string
  #gs2Header = ''
  #clientFirstBare = ''
  #clientNonce = ''
  #nonce = ''
  #serverFirst = ''
  #keys: ScramKeys | null = null

  constructor(hash: ScramHash, serverNonce: string) {
    this.#hash = hash
    this.#serverNonce = serverNonce
  }

  /** Reads the first message: who is speaking. */
  userOf(message: Buffer): string | null {
    // n: no channel binding. y: the client could, and thinks that we cannot, which is so.
    const match = /^([ny],(?:a=([^,]*))?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,[^,]+)*)$/.exec(
      message.toString('utf8'),
    )
    if (!match) return null
    const [, gs2Header, authorizeAs, bare, name, nonce] = match
    const user = unescapeName(name!)
    // Nobody may act for another here.
    if (user === null || user === '' || (authorizeAs && unescapeName(authorizeAs) !== user)) return null
    this.#gs2Header = gs2Header!
    this.#clientFirstBare = bare!
    this.#clientNonce = nonce!
    this.#nonce = nonce! + this.#serverNonce
    return user
  }

  challenge(keys: ScramKeys): Buffer {
    this.#keys = keys
    this.#serverFirst = `r=${this.#nonce},s=${keys.salt.toString('base64')},i=${keys.iterations}`
    return Buffer.from(this.#serverFirst)
  }

  /** The proof that we know the keys too; null when the client does not know the password. */
  finish(message: Buffer): Buffer | null {
    const keys = this.#keys
    const match = /^(c=([^,]*),r=([^,]*)(?:,[^,]+)*),p=([A-Za-z0-9+/]+=*)$/.exec(message.toString('utf8'))
    if (!match || !keys) return null
    const [, withoutProof, binding, nonce, proofText] = match
    const proof = Buffer.from(proofText!, 'base64')
    // The whole nonce (CVE-2024-56128), or, as older versions of librdkafka send it, with the client's part twice: ours
    // is in it either way, and nothing else is let through.
    const isOurs = nonce === this.#nonce || nonce === this.#clientNonce + this.#nonce
    if (binding !== Buffer.from(this.#gs2Header).toString('base64') || !isOurs) return null
    if (proof.length !== keys.storedKey.length) return null
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`
    const clientKey = xor(proof, hmac(this.#hash, keys.storedKey, authMessage))
    if (!timingSafeEqual(digest(this.#hash, clientKey), keys.storedKey)) return null
    return Buffer.from(`v=${hmac(this.#hash, keys.serverKey, authMessage).toString('base64')}`)
  }
}

/** The client's side. A server that does not follow the RFC, or asks for too little or too much, is an Error. */
export class ScramClient {
  readonly #hash: ScramHash
  readonly #nonce: string
  readonly #firstBare: string
  #serverFirst = ''
  #serverNonce = ''
  #expected = ''

  constructor(hash: ScramHash, user: string, nonce: string) {
    this.#hash = hash
    this.#nonce = nonce
    this.#firstBare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  }

  first(): Buffer {
    return Buffer.from(`n,,${this.#firstBare}`)
  }

  /** How the password is to be salted. */
  readChallenge(message: Buffer): { readonly salt: Buffer; readonly iterations: number } {
    const text = message.toString('utf8')
    const match = /^r=([^,]+),s=([A-Za-z0-9+/]+=*),i=(\d{1,9})(?:,|$)/.exec(text)
    if (!match) throw new Error('Cannot authenticate: the broker did not answer as SCRAM does')
    const [, nonce, salt, count] = match
    const iterations = Number(count)
    if (!nonce!.startsWith(this.#nonce) || nonce === this.#nonce) {
      throw new Error('Cannot authenticate: the broker answered with another nonce')
    }
    if (iterations < iterationsMin || iterations > iterationsAcceptedMax) {
      throw new Error(`Cannot authenticate: ${iterations} iterations are asked for`)
    }
    this.#serverFirst = text
    this.#serverNonce = nonce!
    return { salt: Buffer.from(salt!, 'base64'), iterations }
  }

  prove(saltedPassword: Uint8Array): Buffer {
    const withoutProof = `c=biws,r=${this.#serverNonce}`
    const authMessage = `${this.#firstBare},${this.#serverFirst},${withoutProof}`
    const clientKey = hmac(this.#hash, saltedPassword, 'Client Key')
    const proof = xor(clientKey, hmac(this.#hash, digest(this.#hash, clientKey), authMessage))
    const serverKey = hmac(this.#hash, saltedPassword, 'Server Key')
    this.#expected = `v=${hmac(this.#hash, serverKey, authMessage).toString('base64')}`
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  /** The broker knows the password too: it is not somebody else at its address. */
  verify(message: Buffer): void {
    const [signature = ''] = message.toString('utf8').split(',')
    const given = Buffer.from(signature)
    const expected = Buffer.from(this.#expected)
    if (expected.length === 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new Error('Cannot authenticate: the broker could not prove that it knows this user')
    }
  }
}

function unescapeName(text: string): string | null {
  if (/=(?!2C|3D)/.test(text)) return null
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

function hmac(hash: ScramHash, key: Uint8Array, text: string): Buffer {
  return createHmac(hash, key).update(text).digest()
}

function digest(hash: ScramHash, bytes: Uint8Array): Buffer {
  return createHash(hash).update(bytes).digest()
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ b[at]!))
}
