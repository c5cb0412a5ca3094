// Passwords as argon2id, in the PHC form that says with which parameters each was made, so that those can be raised
// later. Two computations at once, so that the thread pool is left to everybody else; few wait, more are turned away.
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { ProblemError } from '../queries/problem.ts'

interface Parameters {
  readonly memoryKib: number
  readonly passes: number
  readonly parallelism: number
}

/** OWASP's first choice (Password Storage Cheat Sheet, 2026): 19 MiB, two passes. */
const current: Parameters = { memoryKib: 19_456, passes: 2, parallelism: 1 }
const saltBytes = 16
const tagBytes = 32
const runningMax = 2
const waitingMax = 16
/** A stored row of somebody else's making must not make us allocate without bound. */
const memoryKibMax = 1_048_576
const passesMax = 64

export const passwordLength = { least: 10, most: 200 } as const

let running = 0
const waiting: (() => void)[] = []

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const tag = await derive(password, salt, current)
  const { memoryKib, passes, parallelism } = current
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${text(salt)}$${text(tag)}`
}

/** Costs the same for nobody (null) as for somebody: who asks cannot tell which names exist. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const known = parsed(stored ?? nobody)
  const tag = await derive(password, known.salt, known.parameters)
  return timingSafeEqual(tag, known.tag) && stored !== null
}

/** True for one that was made with other parameters than now. */
export function isOutdated(stored: string): boolean {
  const { memoryKib, passes, parallelism } = parsed(stored).parameters
  return memoryKib !== current.memoryKib || passes !== current.passes || parallelism !== current.parallelism
}

/** Why a password is not taken; null when it is. */
export function passwordFault(password: string, name: string): string | null {
  const { least, most } = passwordLength
  const length = [...password].length
  if (length < least) return `a password has ${least} characters or more`
  if (length > most) return `a password has ${most} characters at most`
  if (password.toLowerCase().includes(name.toLowerCase()) && length < name.length + least)
    return 'the password is little more than the name'
  if (new Set(password).size < 4) return 'the password repeats itself'
  return null
}

const nobody =
  `$argon2id$v=19$m=${current.memoryKib},t=${current.passes},p=${current.parallelism}` +
  `$${text(randomBytes(saltBytes))}$${text(randomBytes(tagBytes))}`

async function derive(password: string, salt: Buffer, parameters: Parameters): Promise<Buffer> {
  if (running >= runningMax) {
    if (waiting.length >= waitingMax) {
      throw new ProblemError(503, 'busy', 'Busy', 'Too many passwords are being checked. Try again soon.')
    }
    await new Promise<void>(resolve => waiting.push(resolve))
  } else running++
  try {
    return await computed(password, salt, parameters)
  } finally {
    // Whoever waits takes this one's place, so that the count stays as it is.
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}

function computed(password: string, nonce: Buffer, parameters: Parameters): Promise<Buffer> {
  const { memoryKib: memory, passes, parallelism } = parameters
  // The same letters, however a keyboard composes them.
  const message = Buffer.from(password.normalize('NFC'))
  return new Promise((resolve, reject) => {
    const options = { message, nonce, parallelism, memory, passes, tagLength: tagBytes }
    argon2('argon2id', options, (error, tag) => (error ? reject(error) : resolve(tag)))
  })
}

function parsed(stored: string): {
  readonly parameters: Parameters
  readonly salt: Buffer
  readonly tag: Buffer
} {
  const match = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w+/-]{11,})\$([\w+/-]{43})$/.exec(
    stored,
  )
  const [memoryKib, passes, parallelism] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])]
  if (!match || memoryKib > memoryKibMax || passes > passesMax) {
    throw new Error('Cannot read a stored password: it is not argon2id of version 19')
  }
  return {
    parameters: { memoryKib, passes, parallelism },
    salt: Buffer.from(match[4]!, 'base64'),
    tag: Buffer.from(match[5]!, 'base64'),
  }
}

/** Base64 without padding, as PHC has it. */
function text(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
