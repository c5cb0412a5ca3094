// `tailrace/api`: the HTTP and WebSocket interface with types, for programs and for pages of other people. Needs only
// fetch and WebSocket, so it runs in browsers (signed in by cookie) and in Node (by token). No dependency, no timer but
// the one that reconnects.
import type {
  AgentsAnswer,
  ClientMessage,
  ClusterAnswer,
  LiveData,
  LiveTopic,
  LossesAnswer,
  Problem,
  SeriesAnswer,
  ServerMessage,
  StatsAnswer,
  TopAnswer,
} from './contract.ts'

export type * from './contract.ts'

export interface ApiOptions {
  /** `http://127.0.0.1:8080`; a page leaves it out and speaks to where it came from. */
  readonly origin?: string
  /** An API token. A page leaves it out and is signed in by its cookie. */
  readonly token?: string
}

/** Lists are repeated; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>

export interface StatsQuery {
  /** `5m`, `1h`, `7d`; or `from` and `to`. */
  readonly window?: string
  readonly from?: string
  readonly to?: string
  readonly by?: string
  /** `path:/checkout` */
  readonly filter?: string | readonly string[]
  readonly limit?: number
}

export interface SeriesQuery extends StatsQuery {
  readonly step?: string
}

/** The server refused, and says why; or nobody answered (`status` 0). */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly problem: Problem | null

  constructor(status: number, message: string, problem: Problem | null) {
    super(message)
    this.status = status
    this.problem = problem
  }
}

export class TailraceApi {
  readonly #origin: string
  readonly #token: string | undefined

  constructor({ origin, token }: ApiOptions = {}) {
    this.#origin = (origin ?? globalThis.location?.origin ?? 'http://127.0.0.1:8080').replace(/\/$/, '')
    this.#token = token
  }

  /** What a statistic was over a window, as a whole or by a dimension. */
  stats(metric: string, query: StatsQuery = {}): Promise<StatsAnswer> {
    return this.get(`/stats/${encodeURIComponent(metric)}`, { ...query })
  }

  /** A statistic over time. */
  series(metric: string, query: SeriesQuery = {}): Promise<SeriesAnswer> {
    return this.get(`/series/${encodeURIComponent(metric)}`, { ...query })
  }

  /** The most frequent values of a dimension. */
  top(dimension: string, query: StatsQuery & { readonly metric?: string } = {}): Promise<TopAnswer> {
    return this.get(`/top/${encodeURIComponent(dimension)}`, { ...query })
  }

  losses(query: Query = {}): Promise<LossesAnswer> {
    return this.get('/losses', query)
  }

  cluster(): Promise<ClusterAnswer> {
    return this.get('/cluster')
  }

  agents(): Promise<AgentsAnswer> {
    return this.get('/agents')
  }

  /** Any GET under /api/v1. */
  get<Answer>(path: string, query: Query = {}): Promise<Answer> {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue
      if (typeof value === 'string' || typeof value === 'number') search.append(name, String(value))
      else for (const one of value) search.append(name, one)
    }
    const text = search.toString()
    return this.#ask('GET', `${path}${text === '' ? '' : `?${text}`}`)
  }

  /** Any request with a body under /api/v1, such as POST /query. */
  send<Answer>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
    return this.#ask(method, path, body)
  }

  /**
   * Follows a live topic: `onData` gets a snapshot first and then what changed, and a snapshot again after every
   * interruption. Reconnects for ever unless the server says that it is of no use; `close` ends it.
   */
  follow(
    topic: LiveTopic,
    args: Readonly<Record<string, string>>,
    onData: (data: LiveData, isSnapshot: boolean) => void,
    onTrouble: (reason: string, isFinal: boolean) => void = () => {},
  ): { close(): void } {
    return new Following(this.#origin, this.#token, topic, args, onData, onTrouble)
  }

  async #ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`
    if (body !== undefined) headers['content-type'] = 'application/json'
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`${this.#origin}/api/v1${path}`, { method, headers, ...content }).catch(
      (cause: unknown) => {
        const why = cause instanceof Error && cause.cause instanceof Error ? `: ${cause.cause.message}` : ''
        throw new ApiProblem(0, `No answer from ${this.#origin}${why}`, null)
      },
    )
    if (response.status === 204) return undefined as Answer
    if (response.ok) return (await response.json()) as Answer
    const problem = (await response.json().catch(() => null)) as Problem | null
    throw new ApiProblem(response.status, problem?.detail ?? `Status ${response.status}`, problem)
  }
}

const firstDelayMs = 250
const lastDelayMs = 15_000

class Following {
  readonly #open: () => WebSocket
  readonly #topic: LiveTopic
  readonly #args: Readonly<Record<string, string>>
  readonly #onData: (data: LiveData, isSnapshot: boolean) => void
  readonly #onTrouble: (reason: string, isFinal: boolean) => void
  #socket: WebSocket | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #seq = -1
  #closed = false

  constructor(
    origin: string,
    token: string | undefined,
    topic: LiveTopic,
    args: Readonly<Record<string, string>>,
    onData: (data: LiveData, isSnapshot: boolean) => void,
    onTrouble: (reason: string, isFinal: boolean) => void,
  ) {
    this.#topic = topic
    this.#args = args
    this.#onData = onData
    this.#onTrouble = onTrouble
    const address = `${origin.replace(/^http/, 'ws')}/api/v1/live`
    this.#open = () => {
      if (token === undefined) return new WebSocket(address, 'tailrace.v1')
      // Node's own WebSocket takes headers; a browser's does not, and there the cookie speaks.
      const options = { protocols: 'tailrace.v1', headers: { authorization: `Bearer ${token}` } }
      return new WebSocket(address, options as unknown as string)
    }
    this.#connect()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#socket?.close()
  }

  #connect(): void {
    const socket = this.#open()
    this.#socket = socket
    socket.onopen = () => {
      this.#say({ type: 'hello', version: 1, build: '' })
      this.#subscribe()
    }
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)) as ServerMessage)
    socket.onclose = ({ code, reason }) => {
      if (this.#closed) return
      // 4401 not signed in, 4426 wrong version, 4500 and above: coming back changes nothing.
      const isFinal = code === 4401 || code === 4426 || code >= 4500
      this.#onTrouble(reason === '' ? `the connection closed with ${code}` : reason, isFinal)
      if (isFinal) return
      const delay = Math.min(lastDelayMs, firstDelayMs * 2 ** this.#failures++)
      this.#timer = setTimeout(() => this.#connect(), delay * (0.5 + Math.random() / 2))
    }
  }

  #subscribe(): void {
    this.#seq = -1
    this.#say({ type: 'sub', id: 1, topic: this.#topic, args: this.#args })
  }

  #say(message: ClientMessage): void {
    this.#socket?.send(JSON.stringify(message))
  }

  #hear(message: ServerMessage): void {
    if (message.type === 'snap') {
      this.#failures = 0
      this.#seq = message.seq
      this.#onData(message.data, true)
    } else if (message.type === 'delta') {
      if (message.seq !== this.#seq + 1) {
        this.#say({ type: 'unsub', id: 1 })
        this.#subscribe()
        return
      }
      this.#seq = message.seq
      this.#onData(message.data, false)
    } else if (message.type === 'refused') {
      this.#onTrouble(message.detail, true)
      this.close()
    }
  }
}
