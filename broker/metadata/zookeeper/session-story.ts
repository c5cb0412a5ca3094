// For tests: plays the servers and the clock to session-core.ts, and tells in words what it did.
import { JuteReader, JuteWriter } from './jute.ts'
import { errorName, getData, multi, operationCodes, specialXids } from './protocol.ts'
import { step, wakeAtMs } from './session-core.ts'
import {
  type Effect,
  type Input,
  newSession,
  type OnLoss,
  type SessionOptions,
  type SessionState,
  type Settlement,
  validForMs,
} from './session-state.ts'

const password = Buffer.from('0123456789abcdef')

export class Story {
  now = 1_000
  readonly state: SessionState
  #told: string[] = []

  constructor(options: Partial<SessionOptions> = {}) {
    this.state = newSession({
      endpoints: ['h1', 'h2', 'h3'].map(host => ({ host, port: 2181 })),
      ttlMs: 6_000,
      beatPath: null,
      authentication: [],
      lastZxid: 0n,
      ...options,
    })
  }

  /** What happened since the last call, one effect a line. */
  get told(): string {
    return this.#told.splice(0).join('\n')
  }

  get validForMs(): number {
    return validForMs(this.state, this.now)
  }

  take(input: Input): void {
    const effects: Effect[] = []
    step(this.state, input, this.now, effects)
    for (const effect of effects) this.#told.push(inWords(effect))
  }

  /** Lets time pass, waking the machine whenever it asks for it. */
  pass(ms: number): void {
    const until = this.now + ms
    for (let at = wakeAtMs(this.state); at <= until; at = wakeAtMs(this.state)) {
      this.now = Math.max(this.now, at)
      this.take({ type: 'wake' })
    }
    this.now = until
  }

  read(id: number, path = '/a', timeoutMs = 60_000): void {
    this.#request(id, 'resend', getData(path), timeoutMs)
  }

  write(id: number, timeoutMs = 60_000): void {
    this.#request(id, 'lost', multi([{ type: 'check', path: '/a', version: 0 }]), timeoutMs)
  }

  watch(id: number): void {
    this.#request(id, 'fail', getData('/watched'), 60_000)
  }

  #request(id: number, onLoss: OnLoss, request: ReturnType<typeof getData>, timeoutMs: number): void {
    this.take({ type: 'request', request: { id, onLoss, request, deadlineMs: this.now + timeoutMs } })
  }

  /** The connection opens and the server grants the session: for 0 ms if it has expired. */
  accept(timeoutMs = 6_000, sessionId = 7n): void {
    this.take({ type: 'connected' })
    const answer = new JuteWriter().int(0).int(timeoutMs).long(sessionId).bytes(password).bool(false)
    this.take({ type: 'frame', frame: answer.finish() })
  }

  answer(xid: number, zxid = 1n, error = 0): void {
    this.take({ type: 'frame', frame: new JuteWriter().int(xid).long(zxid).int(error).finish() })
  }

  pong(): void {
    this.answer(specialXids.ping)
  }

  notify(path: string): void {
    const frame = new JuteWriter().int(specialXids.notification).long(-1n).int(0).int(1).int(3).string(path)
    this.take({ type: 'frame', frame: frame.finish() })
  }

  lose(reason = 'reset'): void {
    this.take({ type: 'disconnected', reason })
  }

  /** Connected to h1, with what that took left untold. */
  static connected(options: Partial<SessionOptions> = {}): Story {
    const story = new Story(options)
    story.take({ type: 'start' })
    story.accept()
    story.#told = []
    return story
  }
}

function inWords(effect: Effect): string {
  switch (effect.type) {
    case 'connect':
      return `connect ${effect.endpoint.host}`
    case 'send':
      return `send ${frameInWords(effect.frame)}`
    case 'disconnect':
      return 'disconnect'
    case 'settled':
      return `${effect.id} ${resultInWords(effect.result)}`
    case 'event':
      return `event ${effect.event.path}`
    case 'established':
      return `established ${effect.isNew ? 'anew' : 'again'}`
    case 'interrupted':
      return `interrupted: ${effect.reason}`
    case 'ended':
      return `ended: ${effect.reason}`
  }
}

function resultInWords(result: Settlement): string {
  if (result.type === 'reply') return result.error === 0 ? 'answered' : errorName(result.error)
  return `${result.type}: ${result.reason}`
}

function frameInWords(frame: Buffer): string {
  // A connect request has a version, 0, where others have their xid.
  const reader = new JuteReader(frame, 4)
  if (frame.readInt32BE(4) === 0 && frame.length === 49) {
    reader.int()
    const lastZxid = reader.long()
    reader.int()
    const sessionId = reader.long()
    return `connect session ${sessionId} zxid ${lastZxid}${reader.bytes().equals(password) ? ' password' : ''}`
  }
  const xid = reader.int()
  const type = reader.int()
  const name = Object.entries(operationCodes).find(([, code]) => code === type)![0]
  return xid < 0 ? name : `${xid} ${name}`
}
