// A host joins an appliance: the code that an administrator pasted says where it is, by whose certificate it is known,
// and a token that is good once. What comes back is kept beside the agent id. The authority is believed only by the
// fingerprint in the code; nothing secret is said before that.
import { mkdirSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { openSocket } from '../broker/client/open-socket.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { CheckpointWriter } from './checkpoint-writer.ts'
import { type Enrolment, parseEnrolment, writeEnrolment } from './enrolment.ts'
import { readAgentIdentity } from './identity.ts'

export interface JoinCode {
  readonly origin: string
  /** SHA-256 of the authority's certificate, in hexadecimal digits. */
  readonly fingerprint: string
  readonly token: string
  readonly expiresAt: number
}

const connectTimeoutMs = 10_000
const answerTimeoutMs = 30_000
const answerBytesMax = 65_536

/** Takes the code, or any line that holds it. Throws ExitError 64 for what is none. */
export function parseJoinCode(line: string): JoinCode {
  const body = /trj1\.([A-Za-z0-9_-]+)/.exec(line)?.[1]
  if (body === undefined) {
    throw new ExitError(exitCodes.usage, 'There is no code in it: paste what `tailrace agents add` printed')
  }
  try {
    const fields = JSON.parse(Buffer.from(body, 'base64url').toString()) as unknown[]
    const [origin, fingerprint, token, expiresAt] = fields as [string, string, string, number]
    if (!/^https:\/\//.test(origin) || !/^[0-9a-f]{64}$/.test(fingerprint)) throw new TypeError('not a code')
    if (typeof token !== 'string' || typeof expiresAt !== 'number') throw new TypeError('not a code')
    return { origin, fingerprint, token, expiresAt }
  } catch {
    throw new ExitError(exitCodes.usage, 'The code is cut short or altered: paste the whole line')
  }
}

/** Asks, and keeps what is given. The data directory gets its agent id, if it has none. */
export async function join(dataDirectory: string, line: string, host: string): Promise<Enrolment> {
  const code = parseJoinCode(line)
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  const { agentId, first } = readAgentIdentity(dataDirectory)
  // An id without a checkpoint is a checkpoint that was lost: this one has nothing in it yet.
  if (first) emptyCheckpoint(dataDirectory)
  const { status, text } = await post(code, '/api/v1/agents/enroll', { token: code.token, host, agentId })
  if (status !== 200) {
    throw new ExitError(
      status === 401 ? exitCodes.config : exitCodes.unavailable,
      problemText(code, status, text),
    )
  }
  let enrolment: Enrolment
  try {
    enrolment = parseEnrolment({ ...(JSON.parse(text) as object), origin: code.origin })
  } catch {
    throw new ExitError(
      exitCodes.failed,
      `${code.origin} answered what this agent does not understand: is it newer?`,
    )
  }
  writeEnrolment(dataDirectory, enrolment)
  return enrolment
}

function emptyCheckpoint(dataDirectory: string): void {
  const body = '"files":[]'
  const nothing = () => undefined
  new CheckpointWriter(dataDirectory, () => body, nothing, nothing).writeNow()
}

function problemText({ origin }: JoinCode, status: number, text: string): string {
  try {
    return `${origin} refuses: ${(JSON.parse(text) as { detail: string }).detail}`
  } catch {
    return `${origin} answered ${status}`
  }
}

async function post(
  code: JoinCode,
  path: string,
  body: object,
): Promise<{ readonly status: number; readonly text: string }> {
  const { hostname, host, port } = new URL(code.origin)
  const reached = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) }
  const tls = { caFingerprint: code.fingerprint }
  const { socket } = await openSocket({ ...reached, connectTimeoutMs, lending: null, tls }).catch(
    (error: Error) => {
      throw new ExitError(exitCodes.unavailable, `Cannot reach ${code.origin}: ${error.message}`)
    },
  )
  const bytes = Buffer.from(JSON.stringify(body))
  const headers = {
    host,
    'content-type': 'application/json',
    'content-length': bytes.length,
    connection: 'close',
  }
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      socket.destroy()
      reject(new ExitError(exitCodes.unavailable, `No answer from ${code.origin}: ${error.message}`))
    }
    const options = {
      method: 'POST',
      path,
      headers,
      createConnection: () => socket,
      timeout: answerTimeoutMs,
    }
    const request = httpRequest(options, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > answerBytesMax) fail(new Error('the answer is too long'))
      })
      response.on('error', fail)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.on('error', fail)
    request.on('timeout', () => fail(new Error(`nothing within ${answerTimeoutMs} ms`)))
    request.end(bytes)
  })
}
